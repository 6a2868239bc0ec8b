"""The command of the variable BROWSER: signs in, grants the requested access, and requests the redirect URI."""

import shlex
import sys
from pathlib import Path

import httpx

from tests.auth.oauth.user_browser import browse

SCRIPT = """#!/bin/sh
exec {python} -m tests.cli.browser {username} '{password}' "$1" {consents}
"""


def as_command(folder: Path, username: str, password: str, *, consents: bool = True) -> str:
    """Without ``consents``, the user closes a page that asks for consent."""
    script = folder / "browser"
    python, answer = shlex.quote(sys.executable), "consent" if consents else "none"
    script.write_text(SCRIPT.format(python=python, username=username, password=password, consents=answer))
    script.chmod(0o755)
    return str(script)


if __name__ == "__main__":
    httpx.get(browse(sys.argv[3], sys.argv[1], sys.argv[2], consents=sys.argv[4] == "consent"), trust_env=False)
