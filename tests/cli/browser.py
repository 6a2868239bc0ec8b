"""The command of the variable BROWSER: signs in, grants the requested access, and requests the redirect URI."""

import shlex
import sys
from pathlib import Path

import httpx

from tests.auth.oauth.user_browser import browse

SCRIPT = """#!/bin/sh
exec {python} -m tests.cli.browser {username} '{password}' "$1"
"""


def as_command(folder: Path, username: str, password: str) -> str:
    script = folder / "browser"
    script.write_text(SCRIPT.format(python=shlex.quote(sys.executable), username=username, password=password))
    script.chmod(0o755)
    return str(script)


if __name__ == "__main__":
    httpx.get(browse(sys.argv[3], sys.argv[1], sys.argv[2]), trust_env=False)
