"""A browser on its way to a provider and back."""

from dataclasses import dataclass
from typing import Any

import httpx

OWN = {"Origin": "http://localhost:8000", "X-Requested-With": "raylens"}
"""What the web app's writes come with."""


@dataclass(frozen=True)
class Departure:
    """Where the browser was sent."""

    url: str

    @property
    def parameters(self) -> httpx.QueryParams:
        return httpx.URL(self.url).params

    @property
    def state(self) -> str:
        return self.parameters["state"]


class Traveller:
    """With a cookie jar of their own."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def depart(self, provider: str = "idp", **query: str) -> Departure:
        reply = await self.client.get(f"/auth/external/{provider}/login", params=query)
        assert reply.status_code == 302, reply.text
        return Departure(reply.headers["location"])

    async def depart_to_link(self, provider: str = "idp", **query: str) -> Departure:
        reply = await self.client.post(f"/api/v1/account/identities/{provider}", params=query, headers=OWN)
        assert reply.status_code == 200, reply.text
        return Departure(reply.json()["url"])

    async def come_back(self, to: str | Departure, provider: str = "idp", **query: Any) -> httpx.Response:
        """To where the provider sent them, or with an answer of the test's own."""
        if isinstance(to, Departure):
            answer = {"state": to.state} | query
            return await self.client.get(f"/auth/external/{provider}/callback", params=answer)
        return await self.client.get(to)

    async def name(self) -> str | None:
        """As whom they are signed in."""
        user = (await self.client.get("/api/v1/session")).json()["user"]
        return user["username"] if user else None
