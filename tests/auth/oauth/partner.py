"""A client application of a partner, and the browser of its user."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from auth.audit import RequestSource
from auth.oauth.client import Client
from tests.auth.application import Application
from tests.auth.oauth.form import form_of

VERIFIER = "a-verifier-of-forty-three-characters-at-least"
CALLBACK = "https://partner.example/callback"
SOURCE = RequestSource("203.0.113.7", "a test")
ALL_GRANTS = ("authorization_code", "refresh_token", "client_credentials")
SCOPES = ("classify", "history:read", "profile", "openid")


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def parameters_of(response: httpx.Response) -> dict[str, str]:
    """The parameters of a redirect to the client."""
    assert response.status_code == 302, response.text
    return {name: value for name, [value] in parse_qs(urlsplit(response.headers["location"]).query).items()}


@dataclass
class Partner:
    application: Application
    browser: httpx.AsyncClient
    client: Client
    secret: str | None

    @classmethod
    def register(cls, application: Application, browser: httpx.AsyncClient, **changes: Any) -> "Partner":
        """Confidential, with all grant types and most scopes; ``changes`` override fields."""
        wanted: dict[str, Any] = {
            "name": "Partner",
            "redirect_uris": [CALLBACK],
            "scopes": SCOPES,
            "grants": ALL_GRANTS,
            "public": False,
            **changes,
        }
        if wanted["public"] and "grants" not in changes:
            wanted["grants"] = ALL_GRANTS[:2]
        return cls(application, browser, *application.auth.clients.create(**wanted, actor_id=None, source=SOURCE))

    @property
    def origin(self) -> str:
        return self.application.auth.settings.origin

    def query(self, **changes: str | None) -> dict[str, str]:
        """Parameters of an authorization request; None omits one."""
        query = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": CALLBACK,
            "scope": "classify profile",
            "state": "a state",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (query | changes).items() if value is not None}

    async def authorize(self, **changes: str | None) -> httpx.Response:
        """Redirect the user to the authorization endpoint."""
        return await self.browser.get("/oauth/authorize", params=self.query(**changes))

    async def decide(self, page: httpx.Response, decision: str = "allow", **headers: str) -> httpx.Response:
        """Click a button of the consent page."""
        form = form_of(page.text)
        assert form.buttons == ["allow", "deny"]
        data = form.fields | {"decision": decision}
        return await self.browser.post(form.action, data=data, headers={"Origin": self.origin, **headers})

    async def code(self, **changes: str | None) -> str:
        """A code, after consent if needed."""
        response = await self.authorize(**changes)
        if response.status_code == 200:
            response = await self.decide(response)
        return parameters_of(response)["code"]

    async def post(self, path: str, form: dict[str, str], **options: Any) -> httpx.Response:
        """Authenticated with HTTP Basic, or with the client id in the form if public."""
        if self.secret:
            options.setdefault("auth", (self.client.id, self.secret))
        else:
            form = {"client_id": self.client.id, **form}
        async with self.application.client() as backend:
            return await backend.post(path, data=form, **options)

    async def token(self, **form: str | None) -> httpx.Response:
        return await self.post("/oauth/token", {name: value for name, value in form.items() if value is not None})

    async def redeem(self, code: str, **changes: str | None) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self.token(**(form | changes))

    async def refresh(self, refresh_token: str, **changes: str | None) -> httpx.Response:
        return await self.token(**({"grant_type": "refresh_token", "refresh_token": refresh_token} | changes))

    async def tokens(self, **changes: str | None) -> dict[str, Any]:
        """The token response for a new code."""
        response = await self.redeem(await self.code(**changes))
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def revoke(self, token: str, **form: str) -> httpx.Response:
        return await self.post("/oauth/revoke", {"token": token, **form})

    async def introspect(self, token: str, **form: str) -> httpx.Response:
        return await self.post("/oauth/introspect", {"token": token, **form})

    async def is_active(self, token: str) -> bool:
        """According to introspection, whose response for an inactive token has nothing else."""
        response = await self.introspect(token)
        assert response.status_code == 200
        document = response.json()
        assert document["active"] or document == {"active": False}
        return bool(document["active"])

    async def is_accepted(self, access_token: str) -> bool:
        """Whether an access token is valid, without the cache of principals."""
        self.application.clear_cache()
        async with self.application.client() as backend:
            response = await backend.get("/oauth/userinfo", headers={"Authorization": f"Bearer {access_token}"})
        return response.status_code in {200, 403}
