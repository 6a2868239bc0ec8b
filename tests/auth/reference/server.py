"""A private Djoser server."""

import sys
from pathlib import Path

import httpx

from tests.servers.process import ServerProcess


class Djoser(ServerProcess):
    """On Django, with SQLite in memory."""

    def command(self) -> list[str]:
        program = Path(__file__).parent / "django_project.py"
        return [sys.executable, str(program), str(self.port)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/auth/users/me/", timeout=2, trust_env=False).status_code == 401
        except httpx.HTTPError:
            return False
