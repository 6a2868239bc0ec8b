"""oidc-provider-mock, an OpenID Connect provider for tests, in a separate process."""

import sys

import httpx

from tests.servers.process import ServerProcess


class MockProvider(ServerProcess):
    """Accepts every client and every subject."""

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

    def set_claims(self, subject: str, **claims: object) -> None:
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def sign_in(self, url: str, subject: str) -> str:
        """The redirect to the callback after signing in on the authorization page."""
        return httpx.post(url, data={"sub": subject}).headers["location"]
