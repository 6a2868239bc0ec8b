"""A browser that is redirected to a provider and back."""

from dataclasses import dataclass
from typing import Any

import httpx

OWN = {"Origin": "http://localhost:8000", "X-Requested-With": "raylens"}
"""Headers of the web app's write requests."""


@dataclass(frozen=True)
class Redirect:
    """An authorization URL."""

    url: str

    @property
    def parameters(self) -> httpx.QueryParams:
        return httpx.URL(self.url).params

    @property
    def state(self) -> str:
        return self.parameters["state"]


class Browser:
    """Has its own cookie jar."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def start_login(self, provider: str = "idp", **query: str) -> Redirect:
        response = await self.client.get(f"/auth/external/{provider}/login", params=query)
        assert response.status_code == 302, response.text
        return Redirect(response.headers["location"])

    async def start_linking(self, provider: str = "idp", **query: str) -> Redirect:
        response = await self.client.post(f"/api/v1/account/identities/{provider}", params=query, headers=OWN)
        assert response.status_code == 200, response.text
        return Redirect(response.json()["url"])

    async def finish_login(self, to: str | Redirect, provider: str = "idp", **query: Any) -> httpx.Response:
        """Request the provider's redirect URL, or the callback of a redirect with a custom response."""
        if isinstance(to, Redirect):
            callback = f"/auth/external/{provider}/callback"
            return await self.client.get(callback, params={"state": to.state} | query)
        return await self.client.get(to)

    async def user(self) -> dict[str, Any] | None:
        """The signed-in user."""
        user: dict[str, Any] | None = (await self.client.get("/api/v1/session")).json()["user"]
        return user

    async def username(self) -> str | None:
        user = await self.user()
        return user["username"] if user else None
