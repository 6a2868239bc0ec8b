"""An application of somebody else, registered with the service, that asks people for leave."""

from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import urlencode

import httpx

from tests.e2e.people import PASSWORD
from tests.service import Service

CALLBACK = "https://album.example/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Both of RFC 7636, appendix B."""


@dataclass(frozen=True, slots=True)
class PhotoAlbum:
    id: str
    secret: str
    name: ClassVar = "Photo album"
    callback: ClassVar = CALLBACK

    @classmethod
    def register(cls, service: Service, admin: str) -> Self:
        """By an administrator, over the API."""
        own = {"X-Requested-With": "raylens", "Origin": service.url}
        with httpx.Client(base_url=service.url, headers=own, timeout=30) as client:
            signed_in = client.post("/api/v1/session", json={"username": admin, "password": PASSWORD})
            assert signed_in.status_code == 201, signed_in.text
            wanted = {
                "name": cls.name,
                "uri": "https://album.example",
                "redirect_uris": [CALLBACK],
                "scopes": ["classify", "history:read", "profile"],
                "grants": ["authorization_code", "refresh_token"],
                "public": False,
            }
            answer = client.post("/api/v1/admin/clients", json=wanted)
        assert answer.status_code == 201, answer.text
        return cls(answer.json()["id"], answer.json()["client_secret"])

    def request(self, service: Service, **more: str) -> str:
        """Where it sends people; ``more`` parameters go along."""
        query = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.callback,
            "scope": "classify profile",
            "state": "a state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{service.url}/oauth/authorize?{urlencode(query | more)}"

    def redeem(self, service: Service, code: str) -> httpx.Response:
        """What the service gives for the code it was sent."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": VERIFIER,
        }
        return httpx.post(f"{service.url}/oauth/token", data=form, auth=(self.id, self.secret), timeout=30)
