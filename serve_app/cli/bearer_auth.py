"""Bearer authentication of requests: a token, a stored API key, or a sign-in whose access token is refreshed."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from typing import Final

import httpx

from serve_app.cli.address import Address
from serve_app.cli.credential import OAuthSignIn, StoredCredential
from serve_app.cli.credential_store import LocalCredentialStore
from serve_app.cli.errors import AccessDenied, CommandError, UsageError

_REFRESH_BEFORE_S: Final = 30.0
"""An access token that expires sooner is refreshed, because the request may wait in a queue."""


class StaticToken(httpx.Auth):
    """A token that is not refreshed. ``rejected`` is the message if the server rejects it."""

    def __init__(self, token: str, rejected: str) -> None:
        self.rejected = rejected
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class RefreshingToken(httpx.Auth):
    """The access token of a sign-in, refreshed before it expires, once for all requests and processes."""

    def __init__(self, address: Address, store: LocalCredentialStore, credential: StoredCredential) -> None:
        self.rejected = f"Your sign-in at {address} has ended. Run `raylens login --server {address}` again."
        self._address = address
        self._store = store
        self._credential = credential
        self._refreshing = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:  # the local clock is wrong, or the server lost its tokens: retry once
            request.headers["Authorization"] = f"Bearer {await self._token(rejected=token)}"
            yield request

    async def _token(self, rejected: str = "") -> str:
        """An access token that is valid for a while and was not just rejected. Raises CommandError."""
        async with self._refreshing:
            if not self._is_valid(self._credential, rejected):
                # In a thread, which a cancelled request does not stop: a refresh token works only once.
                self._credential = await asyncio.to_thread(self._refreshed, rejected)
            return self._credential.token

    def _is_valid(self, credential: StoredCredential, rejected: str) -> bool:
        fresh = credential.seconds_left(time.time()) > _REFRESH_BEFORE_S
        return fresh and not credential.has_ended and credential.token != rejected

    def _refreshed(self, rejected: str) -> StoredCredential:
        """Another process may have refreshed or ended the sign-in while this one waited for the lock."""
        with self._store.locked(self._address):
            stored = self._store.get(self._address)
            if stored is None or stored.has_ended:
                raise AccessDenied(self.rejected)
            if stored.sign_in is None or self._is_valid(stored, rejected):
                return stored
            return self._refresh(stored, stored.sign_in, rejected)

    def _refresh(self, stored: StoredCredential, sign_in: OAuthSignIn, rejected: str) -> StoredCredential:
        from serve_app.cli.authorization_client import AuthorizationClient, OAuthRejected

        try:
            token, sign_in = AuthorizationClient(self._address, sign_in.endpoints).refresh(sign_in)
        except OAuthRejected as error:
            if error.code == "invalid_grant":
                self._store.put(stored.ended())
                raise AccessDenied(self.rejected) from None
            raise
        except CommandError:
            if stored.token != rejected and stored.seconds_left(time.time()) > 0:
                return stored  # valid for some more seconds; the next request tries again
            raise
        refreshed = stored.model_copy(update={"token": token, "sign_in": sign_in})
        self._store.put(refreshed)
        return refreshed


BearerAuth = StaticToken | RefreshingToken


def bearer_auth_for(address: Address, token: str, *, insecure: bool = False) -> BearerAuth | None:
    """The given token, else the credential stored for this server; None if there is neither.

    Raises UsageError for a token over plain HTTP, AccessDenied for a sign-in that has ended.
    """
    if token:
        require_confidential(address, insecure=insecure)
        return StaticToken(validated_token(token), f"{address} rejects this token: it is invalid or has expired.")
    store = LocalCredentialStore()
    credential = store.get(address)
    if credential is None:
        return None
    if credential.sign_in is None:
        return StaticToken(credential.token, f"{address} rejects your stored API key. Store another one.")
    auth = RefreshingToken(address, store, credential)
    if credential.has_ended:
        raise AccessDenied(auth.rejected)
    return auth


def require_confidential(address: Address, *, insecure: bool) -> None:
    """Raises UsageError for plain HTTP over a network."""
    if not (address.is_confidential or insecure):
        raise UsageError(
            f"{address} is plain http, so the token could be read on the network. Use https, or --insecure in a "
            "network that you trust."
        )


def validated_token(token: str) -> str:
    """The token without surrounding whitespace. Raises UsageError if it cannot be a token, without quoting it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("This is not a token: a token is one line of letters, digits, - and _.")
    return token
