"""An OpenID Connect provider with configurable faults."""

import json
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.auth.external.browser import Redirect
from tests.clock import MovableClock

Endpoint = Callable[[Request], Awaitable[Response]]
REGISTRY = jws.JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)


@cache
def rsa_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@cache
def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


class FakeProvider:
    """``endpoints`` override the default ones by path; ``metadata``, ``claims`` and ``userinfo`` single values."""

    client_id = "us"
    client_secret = "a secret & more"

    def __init__(self, clock: MovableClock, issuer: str) -> None:
        self.clock = clock
        self.issuer = issuer
        self.keys: list[Key] = [rsa_key("one")]
        self.metadata: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.requested_paths: list[str] = []
        self._redirects: dict[str, Redirect] = {}

    def code_for(self, redirect: Redirect) -> str:
        """A code, as if the user had signed in."""
        code = f"code-{len(self._redirects)}-of-the-user"
        self._redirects[code] = redirect
        return code

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.requested_paths.append(request.url.path)
        defaults: dict[str, Endpoint] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": self._jwks,
            "/token": self._token,
            "/userinfo": self._userinfo,
        }
        response = await (defaults | self.endpoints)[request.url.path](request)
        await response(scope, receive, send)

    def id_token(self, redirect: Redirect, key: Key | None = None, **header: Any) -> str:
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "sub": "some-subject",
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": redirect.parameters["nonce"],
            "preferred_username": "some.body",
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        key = key or self.keys[0]
        header = {"alg": "RS256" if key.key_type == "RSA" else "ES256", "kid": key.kid} | header
        header = {name: value for name, value in header.items() if value is not None}
        return jws.serialize_compact(header, json.dumps(claims), key, registry=REGISTRY)

    async def _discovery(self, _request: Request) -> Response:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?realm=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        } | self.metadata
        return JSONResponse({name: value for name, value in document.items() if value is not None})

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        redirect = self._redirects.pop(form["code"], None)
        if redirect is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        requested = redirect.parameters
        assert (form["client_id"], form["client_secret"]) == (self.client_id, self.client_secret)
        assert form["redirect_uri"] == requested["redirect_uri"]
        assert requested["code_challenge_method"] == "S256"
        assert create_s256_code_challenge(form["code_verifier"]) == requested["code_challenge"]
        return JSONResponse(
            {"access_token": "the-access-token", "token_type": "Bearer", "id_token": self.id_token(redirect)}
        )

    async def _userinfo(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer the-access-token"
        return JSONResponse({"sub": "some-subject"} | self.userinfo)
