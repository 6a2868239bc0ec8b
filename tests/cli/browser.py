"""A browser and who sits in front of it: goes where it is sent, and signs in where it is asked to."""

import sys
from pathlib import Path

import httpx

SCRIPT = """#!/bin/sh
exec {python} -m tests.cli.browser {username} '{password}' "$1"
"""


def browse(url: str, username: str, password: str, *, stop_at: str = "") -> str:
    """Where it ends: at an address that begins with ``stop_at`` before that is asked for."""
    with httpx.Client(trust_env=False) as client:
        response = client.get(url)
        while following := response.next_request:
            if stop_at and str(following.url).startswith(stop_at):
                return str(following.url)
            response = client.send(following)
            if (following.method, following.url.path) == ("GET", "/oauth/sign-in"):
                form = {"username": username, "password": password}
                origin = str(following.url.join("/")).rstrip("/")
                response = client.post(following.url, data=form, headers={"Origin": origin})
        return str(response.url)


def as_command(folder: Path, username: str, password: str) -> str:
    """For the variable BROWSER."""
    script = folder / "browser"
    script.write_text(SCRIPT.format(python=sys.executable, username=username, password=password))
    script.chmod(0o755)
    return str(script)


if __name__ == "__main__":
    browse(sys.argv[3], sys.argv[1], sys.argv[2])
