"""An OAuth application of another site, registered with the service."""

from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import urlencode

import httpx

from tests.e2e.accounts import credentials
from tests.service import Service

CALLBACK = "https://album.example/callback"
# The example of RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass(frozen=True, slots=True)
class OAuthApplication:
    id: str
    secret: str
    name: ClassVar = "Photo album"
    callback: ClassVar = CALLBACK

    @classmethod
    def register(cls, service: Service, admin: str) -> Self:
        """Register the application over the API, as this administrator."""
        headers = {"X-Requested-With": "raylens", "Origin": service.url}
        with httpx.Client(base_url=service.url, headers=headers, timeout=30) as client:
            signed_in = client.post("/api/v1/session", json=credentials(admin))
            assert signed_in.status_code == 201, signed_in.text
            registration = {
                "name": cls.name,
                "uri": "https://album.example",
                "redirect_uris": [CALLBACK],
                "scopes": ["classify", "history:read", "profile"],
                "grants": ["authorization_code", "refresh_token"],
                "public": False,
            }
            response = client.post("/api/v1/admin/clients", json=registration)
        assert response.status_code == 201, response.text
        return cls(response.json()["id"], response.json()["client_secret"])

    def authorization_url(self, service: Service, **parameters: str) -> str:
        """The URL to which the application redirects users, with additional query parameters."""
        query = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.callback,
            "scope": "classify profile",
            "state": "a state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{service.url}/oauth/authorize?{urlencode(query | parameters)}"

    def exchange_code(self, service: Service, code: str) -> httpx.Response:
        """The token response for an authorization code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": VERIFIER,
        }
        return httpx.post(f"{service.url}/oauth/token", data=form, auth=(self.id, self.secret), timeout=30)
