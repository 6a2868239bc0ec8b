"""GitHub's web application flow and user API, as documented."""

import secrets
from typing import Any
from urllib.parse import parse_qs

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.auth.external.browser import Redirect

VERSION = "2022-11-28"
BAD_CREDENTIALS = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}


class FakeGitHub:
    """``scopes``: what the user grants, which may be less than requested."""

    client_id = "Iv1.0123456789abcdef"
    client_secret = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self, address: str) -> None:
        self.address = address
        self.scopes = "user:email"
        self.user: dict[str, Any] = {"login": "octocat", "id": 583231, "type": "User", "email": None}
        self.emails: Any = [
            {"email": "noreply@example.org", "primary": False, "verified": True, "visibility": None},
            {"email": "octocat@Example.org", "primary": True, "verified": True, "visibility": "private"},
        ]
        self._redirects: dict[str, Redirect] = {}
        self._tokens: set[str] = set()

    def authorize(self, redirect: Redirect, code: str) -> dict[str, str]:
        """The authorization response after consent."""
        requested = redirect.parameters
        assert redirect.url.startswith(f"{self.address}/login/oauth/authorize?")
        assert (requested["client_id"], requested["scope"]) == (self.client_id, "user:email")
        assert requested["redirect_uri"] == "http://localhost:8000/auth/external/github/callback"
        assert "nonce" not in requested
        self._redirects[code] = redirect
        return {"code": code, "state": redirect.state}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        endpoints = {
            ("POST", "/login/oauth/access_token"): self._exchange,
            ("GET", "/api/v3/user"): self._user,
            ("GET", "/api/v3/user/emails"): self._emails,
        }
        response = await endpoints[request.method, request.url.path](request)
        await response(scope, receive, send)

    async def _exchange(self, request: Request) -> Response:
        """Errors have status 200. Responses are form-encoded unless JSON is accepted."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if request.headers["accept"] != "application/json":
            return Response("error=not_acceptable", media_type="application/x-www-form-urlencoded")
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return _error("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
        redirect = self._redirects.pop(form.get("code", ""), None)
        if redirect is None:
            return _error("bad_verification_code", "The code passed is incorrect or expired.")
        if create_s256_code_challenge(form["code_verifier"]) != redirect.parameters["code_challenge"]:
            return _error("bad_verification_code", "The code verifier does not fit.")
        if form["redirect_uri"] != redirect.parameters["redirect_uri"]:
            return _error("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL.")
        token = "gho_" + secrets.token_hex(18)
        self._tokens.add(token)
        return JSONResponse({"access_token": token, "scope": self.scopes, "token_type": "bearer"})

    async def _user(self, request: Request) -> Response:
        return self._error_response(request) or JSONResponse(self.user)

    async def _emails(self, request: Request) -> Response:
        if error := self._error_response(request):
            return error
        if "user:email" not in self.scopes.split(","):
            return JSONResponse({"message": "Not Found", "status": "404"}, 404)
        return JSONResponse(self.emails)

    def _error_response(self, request: Request) -> Response | None:
        headers = request.headers
        if not headers.get("user-agent"):
            return Response("Request forbidden by administrative rules. Make sure to set a User-Agent.", 403)
        if headers.get("x-github-api-version") != VERSION or headers["accept"] != "application/vnd.github+json":
            return JSONResponse({"message": "Unsupported version"}, 400)
        if headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return JSONResponse(BAD_CREDENTIALS, 401)
        return None


def _error(code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description, "error_uri": "https://docs.github.com/"})
