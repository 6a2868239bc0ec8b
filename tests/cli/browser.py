"""A fake browser with a user: follows redirects, signs in and grants the requested access."""

import sys
from pathlib import Path

import httpx

from tests.auth.oauth.form import form_of

SCRIPT = """#!/bin/sh
exec {python} -m tests.cli.browser {username} '{password}' "$1"
"""


def browse(url: str, username: str, password: str, *, stop_at: str = "") -> str:
    """The final address; one that starts with ``stop_at`` is not requested."""
    with httpx.Client(trust_env=False) as client:
        response = client.get(url)
        while following := response.next_request:
            if stop_at and str(following.url).startswith(stop_at):
                return str(following.url)
            response = client.send(following)
            if (following.method, following.url.path) == ("GET", "/oauth/sign-in"):
                form = {"username": username, "password": password}
                response = client.post(following.url, data=form, headers=_own_origin(following.url))
            elif (following.url.path, response.status_code) == ("/oauth/authorize", 200):
                consent = form_of(response.text)
                allowed = consent.fields | {"decision": "allow"}
                action = following.url.join(consent.action)
                response = client.post(action, data=allowed, headers=_own_origin(following.url))
        return str(response.url)


def _own_origin(url: httpx.URL) -> dict[str, str]:
    return {"Origin": str(url.join("/")).rstrip("/")}


def as_command(folder: Path, username: str, password: str) -> str:
    """A script for the variable BROWSER."""
    script = folder / "browser"
    script.write_text(SCRIPT.format(python=sys.executable, username=username, password=password))
    script.chmod(0o755)
    return str(script)


if __name__ == "__main__":
    browse(sys.argv[3], sys.argv[1], sys.argv[2])
