"""What goes into the Authorization header: a token given, an API key kept, or a sign-in that is renewed on the way."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Final

import httpx

from serve_app.cli.address import Address
from serve_app.cli.authorization_server import AuthorizationServer, Refused
from serve_app.cli.credential import Credential, SignIn
from serve_app.cli.credential_store import CredentialStore
from serve_app.cli.failure import Failure, SignInNeeded, WrongUsage

RENEWED_BEFORE_S: Final = 30.0
"""An access token with less than this left is exchanged: the next request may be long on its way."""


class Token(httpx.Auth):
    """One that nobody renews. ``refused`` is what to say when the server takes it no more."""

    def __init__(self, token: str, refused: str) -> None:
        self.refused = refused
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class RenewedToken(httpx.Auth):
    """The access token of a sign-in, exchanged before it ends, once for all requests and all processes."""

    def __init__(
        self, address: Address, store: CredentialStore, credential: Credential, clock: Callable[[], float] = time.time
    ) -> None:
        self.refused = f"Your sign-in at {address} has ended. Run `raylens login --server {address}` again."
        self._address = address
        self._store = store
        self._credential = credential
        self._clock = clock
        self._renewing = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:  # this clock is wrong, or the server lost its memory: once more
            request.headers["Authorization"] = f"Bearer {await self._token(refused=token)}"
            yield request

    async def _token(self, refused: str = "") -> str:
        """One that is good for a while, and is not the one just refused. Raises SignInNeeded or Failure."""
        async with self._renewing:
            if not self._is_good(self._credential, refused):
                self._credential = await self._renewed(refused)
            return self._credential.token

    def _is_good(self, credential: Credential, refused: str) -> bool:
        fresh = credential.seconds_left(self._clock()) > RENEWED_BEFORE_S
        return fresh and not credential.is_over and credential.token != refused

    async def _renewed(self, refused: str) -> Credential:
        """Another process may have done it, or ended the sign-in, while this one waited for the lock."""
        async with self._store.locked(self._address):
            known = self._store.get(self._address)
            if known is None or known.is_over:
                raise SignInNeeded(self.refused)
            if known.sign_in is None or self._is_good(known, refused):
                return known
            return await _to_its_end(self._exchanged(known, known.sign_in, refused))

    async def _exchanged(self, known: Credential, sign_in: SignIn, refused: str) -> Credential:
        server = AuthorizationServer(self._address, sign_in.endpoints, self._clock)
        try:
            token, sign_in = await server.renew(sign_in)
        except Refused as error:
            if error.code == "invalid_grant":
                self._store.put(known.over())
                raise SignInNeeded(self.refused) from None
            raise
        except Failure:
            if known.token != refused and known.seconds_left(self._clock()) > 0:
                return known  # good for a few seconds more; the next request tries again
            raise
        renewed = known.model_copy(update={"token": token, "sign_in": sign_in})
        self._store.put(renewed)
        return renewed


async def _to_its_end(exchange: Coroutine[None, None, Credential]) -> Credential:
    """Though nobody may want it any more: the server takes the old refresh token no second time."""
    task = asyncio.ensure_future(exchange)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


Bearer = Token | RenewedToken


def bearer_of(address: Address, token: str, *, insecure: bool = False) -> Bearer | None:
    """The token given, else what `raylens login` kept for this server; None for who is nobody there.

    Raises WrongUsage rather than send a token where it can be read on its way, SignInNeeded for a sign-in that is over.
    """
    if token:
        refuse_open_way(address, insecure=insecure)
        return Token(checked(token), f"{address} does not take this token: it is wrong, or has ended.")
    store = CredentialStore()
    credential = store.get(address)
    if credential is None:
        return None
    if credential.sign_in is None:
        return Token(credential.token, f"{address} does not take the API key you stored any more. Store another one.")
    bearer = RenewedToken(address, store, credential)
    if credential.is_over:
        raise SignInNeeded(bearer.refused)
    return bearer


def refuse_open_way(address: Address, *, insecure: bool) -> None:
    """Raises WrongUsage for plain HTTP over a network."""
    if not (address.keeps_secrets or insecure):
        raise WrongUsage(
            f"{address} is plain http: anybody on the way could read the token. Use https, or --insecure "
            "in a network where you trust everybody."
        )


def checked(token: str) -> str:
    """As it goes into a header. Raises WrongUsage for what is no token, without quoting it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise WrongUsage("That is no token: a token is one line of letters, digits, - and _.")
    return token
