"""The OAuth server of a Raylens, as its public client `raylens-cli` speaks with it."""

import contextlib
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, Field

from serve_app.cli.address import Address
from serve_app.cli.credential import Credential, Endpoints, SignIn
from serve_app.cli.failure import Failure, Unreachable

CLIENT_ID: Final = "raylens-cli"
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)

Model = TypeVar("Model", bound=BaseModel)


class Refused(Failure):
    """An OAuth error; ``code`` is its registered name."""

    def __init__(self, code: str, description: str = "") -> None:
        denied = "Nobody is signed in: it was not allowed in the browser."
        super().__init__(denied if code == "access_denied" else f"The server refused: {description or code}")
        self.code = code


class Tokens(BaseModel):
    """The token endpoint's answer (RFC 6749, 5.1)."""

    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(min_length=1, repr=False)
    token_type: str = Field(pattern=r"^(?i:bearer)$")
    expires_in: float
    refresh_token: str = Field(default="", repr=False)
    refresh_token_expires_in: float | None = None
    scope: str = ""

    def sign_in(self, endpoints: Endpoints, now: float) -> SignIn:
        """The first of a sign-in; ``now`` is when they were asked for."""
        lasts = self.refresh_token_expires_in
        return SignIn(
            endpoints=endpoints,
            refresh_token=self.refresh_token,
            expires_at=now + self.expires_in,
            since=now,
            ends_at=None if lasts is None else now + lasts,
        )


class AuthorizationServer:
    """``address`` is what the user knows; the endpoints have to be of the same origin."""

    def __init__(self, address: Address, endpoints: Endpoints, clock: Callable[[], float] = time.time) -> None:
        self.endpoints = endpoints
        self._address = address
        self._clock = clock

    @classmethod
    async def discover(cls, address: Address) -> "AuthorizationServer":
        """Ask for its metadata (RFC 8414). Raises Unreachable, or Failure where it is not who it is asked as."""
        url = httpx.URL(address.url)
        well_known = url.copy_with(path=f"/.well-known/oauth-authorization-server{url.path.rstrip('/')}")
        response = await _send(address, "GET", str(well_known))
        endpoints = _read(Endpoints, response, address)
        if endpoints.issuer.rstrip("/") != address.url:
            raise Failure(f"This server calls itself {endpoints.issuer}; use that: --server {endpoints.issuer}")
        named = (endpoints.authorization_endpoint, endpoints.token_endpoint, endpoints.revocation_endpoint)
        if not all(map(address.is_same_origin, named)):
            raise Failure(f"{address} names addresses of another server to sign in at; nothing was sent there.")
        return cls(address, endpoints)

    def authorization_url(self, **parameters: str) -> str:
        """Where the browser goes."""
        query = urlencode({"response_type": "code", "client_id": CLIENT_ID, **parameters})
        return f"{self.endpoints.authorization_endpoint}?{query}"

    async def exchange(self, *, code: str, redirect_uri: str, verifier: str) -> tuple[Tokens, SignIn]:
        """A code for the first tokens. Raises Refused, Unreachable or Failure."""
        form = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        asked_at = self._clock()
        tokens = await self._tokens("authorization_code", form)
        return tokens, tokens.sign_in(self.endpoints, asked_at)

    async def renew(self, sign_in: SignIn) -> tuple[str, SignIn]:
        """The next access token, and what of the sign-in is new with it. Raises Refused, Unreachable or Failure."""
        asked_at = self._clock()
        tokens = await self._tokens("refresh_token", {"refresh_token": sign_in.refresh_token})
        changes = {
            "refresh_token": tokens.refresh_token or sign_in.refresh_token,
            "expires_at": asked_at + tokens.expires_in,
        }
        return tokens.access_token, sign_in.model_copy(update=changes)

    async def revoke(self, refresh_token: str) -> None:
        """End a sign-in with all its tokens (RFC 7009). Raises Refused, Unreachable or Failure."""
        form = {"token": refresh_token, "token_type_hint": "refresh_token", "client_id": CLIENT_ID}
        response = await _send(self._address, "POST", self.endpoints.revocation_endpoint, data=form)
        _refuse_errors(response, self._address)

    async def _tokens(self, grant: str, form: dict[str, str]) -> Tokens:
        form = {"grant_type": grant, "client_id": CLIENT_ID, **form}
        response = await _send(self._address, "POST", self.endpoints.token_endpoint, data=form)
        return _read(Tokens, response, self._address)


async def end(address: Address, credential: Credential) -> None:
    """Tell the server that a sign-in is over; nothing for one it ended itself, or an API key. Raises Failure."""
    if credential.sign_in and not credential.is_over:
        await AuthorizationServer(address, credential.sign_in.endpoints).revoke(credential.sign_in.refresh_token)


async def _send(address: Address, method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401
    try:
        async with address.client(timeout=TIMEOUT) as client:
            return await client.request(method, url, headers={"Accept": "application/json"}, **options)
    except httpx.TransportError as error:
        raise Unreachable(f"No server answers at {address} ({error or type(error).__name__}).") from None


def _read(model: type[Model], response: httpx.Response, address: Address) -> Model:
    _refuse_errors(response, address)
    try:
        return model.model_validate_json(response.content)
    except ValueError:
        raise Failure(f"What answers at {address} is not Raylens, or one without users.") from None


def _refuse_errors(response: httpx.Response, address: Address) -> None:
    """Raises Refused for an OAuth error (RFC 6749, 5.2), Failure for any other."""
    if response.status_code == 200:
        return
    if response.status_code in {400, 401}:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            body = response.json()
            raise Refused(str(body["error"]), str(body.get("error_description", "")))
    if response.status_code in {429, 503}:
        raise Failure(f"{address} is busy ({response.status_code}); try again in a moment.")
    raise Failure(f"{address} answers {response.status_code}, not as a Raylens with users; is the address right?")
