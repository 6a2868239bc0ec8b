"""oidc-provider-mock, an OpenID Connect provider for tests, as a process of its own."""

import sys

import httpx

from tests.servers.process import ServerProcess


class MockProvider(ServerProcess):
    """Takes any client; whoever wants to be somebody there, is."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", str(self.port)]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.issuer}/.well-known/openid-configuration").status_code == 200
        except httpx.HTTPError:
            return False

    def know(self, subject: str, **claims: object) -> None:
        """What it tells of somebody."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def sign_in(self, url: str, subject: str) -> str:
        """Where the browser is sent back to, when they sign in on the page it was sent to."""
        return httpx.post(url, data={"sub": subject}).headers["location"]

    def deny(self, url: str) -> str:
        return httpx.post(url, data={"action": "deny"}).headers["location"]
