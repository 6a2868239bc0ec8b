"""A device with a native client: a key, and the authorization requests that it signs."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jws
from joserfc.jwk import ECKey

from tests.auth.application import Application
from tests.auth.oauth.partner import VERIFIER, Partner, challenge_of

LOOPBACK = "http://127.0.0.1:{port}/callback"


def command_line(application: Application, browser: httpx.AsyncClient) -> Partner:
    client = application.auth.clients.get("raylens-cli")
    assert client
    return Partner(application, browser, client, None)


@dataclass
class Device:
    """Its requests come from the client of ``partner``."""

    partner: Partner
    name: str = "alices-laptop"
    port: int = 40001
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", private=True))

    @property
    def redirect_uri(self) -> str:
        return LOOPBACK.format(port=self.port)

    def assertion(self, *, header: dict[str, Any] | None = None, **claims: object) -> str:
        """For :meth:`query`; ``header`` and ``claims`` override values."""
        public = {name: self.key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
        values: dict[str, object] = {
            "aud": self.partner.application.auth.settings.public_url,
            "client_id": self.partner.client.id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": challenge_of(VERIFIER),
            "device_name": self.name,
        }
        signed = {"alg": "ES256", "typ": "device-assertion+jwt", "jwk": public} | (header or {})
        return jws.serialize_compact(signed, json.dumps(values | claims).encode(), self.key, [signed["alg"]])

    def query(self, **changes: str | None) -> dict[str, str | None]:
        """Parameters of an authorization request that differ from those of the partner."""
        return {"redirect_uri": self.redirect_uri, "device_assertion": self.assertion()} | changes

    async def authorize(self, **changes: str | None) -> httpx.Response:
        return await self.partner.authorize(**self.query(**changes))

    async def consent(self, **changes: str | None) -> httpx.Response:
        """The redirect after the user allowed a request."""
        return await self.partner.decide(await self.authorize(**changes))

    async def tokens(self, code: str) -> dict[str, Any]:
        response = await self.partner.redeem(code, redirect_uri=self.redirect_uri)
        assert response.status_code == 200, response.text
        return dict(response.json())
