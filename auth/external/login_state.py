"""State of an external sign-in between redirect and callback, in an encrypted cookie of the browser."""

import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import astuple, dataclass, field
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.requests import Request
from starlette.responses import Response

from auth.credentials.lifetimes import MINUTE
from auth.credentials.secret import digest_of
from auth.http.redirect_target import safe_redirect_path
from auth.settings import AuthSettings, TimeSource

MAX_COOKIE_BYTES: Final = 6000
"""For all pending sign-ins together, so that request headers stay small; the oldest are dropped."""
_MAX_NEXT_LENGTH: Final = 2500
"""Browsers limit a cookie to 4096 bytes."""
_LIFETIME_S: Final = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class LoginState:
    """Values that the provider's response is verified against."""

    provider: str
    state: str = field(repr=False)
    """OAuth ``state``: binds the response to this browser."""
    nonce: str = field(repr=False)
    """Binds the id_token to this sign-in."""
    verifier: str = field(repr=False)
    """PKCE code verifier."""
    next: str
    """Local path to redirect to afterwards."""
    user_id: int | None
    """User who links an account; None for a sign-in."""


def new_login_state(provider: str, next_path: str | None, user_id: int | None = None) -> LoginState:
    """``next_path``: untrusted; replaced by ``/`` if unsafe or too long."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    path = safe_redirect_path(next_path)
    return LoginState(provider, state, nonce, verifier, path if len(path) <= _MAX_NEXT_LENGTH else "/", user_id)


class LoginStateCookies:
    """One cookie per sign-in, so that tabs are independent."""

    def __init__(self, settings: AuthSettings, clock: TimeSource) -> None:
        keys = settings.keys("sign-in with others")
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
        self._secure = settings.is_https
        self._prefix = "__Host-raylens_flow_" if settings.is_https else "raylens_flow_"
        self._clock = clock

    def set(self, request: Request, response: Response, login: LoginState) -> None:
        encrypted = self._fernet.encrypt_at_time(json.dumps(astuple(login)).encode(), int(self._clock())).decode()
        self._evict(request, response, len(encrypted))
        self._set(response, self._name(login.state), encrypted.rstrip("="), _LIFETIME_S)

    def read(self, request: Request, state: str) -> LoginState | None:
        """The sign-in that this browser started with ``state``; None if unknown or expired."""
        decrypted = self._decrypt(request.cookies.get(self._name(state), ""))
        is_same = decrypted and hmac.compare_digest(decrypted[1].state.encode(), state.encode())
        return decrypted[1] if decrypted and is_same else None

    def clear(self, response: Response, state: str) -> None:
        self._set(response, self._name(state), "", 0)

    def _name(self, state: str) -> str:
        return self._prefix + digest_of(state).hex()[:16]

    def _set(self, response: Response, name: str, value: str, max_age: int) -> None:
        response.set_cookie(name, value, max_age=max_age, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _decrypt(self, value: str) -> tuple[int, LoginState] | None:
        """Creation time, Unix seconds, and state; None if invalid or expired."""
        token = value + "=" * (-len(value) % 4)
        try:
            content = self._fernet.decrypt_at_time(token, _LIFETIME_S, int(self._clock()))
            return self._fernet.extract_timestamp(token), LoginState(*json.loads(content))
        except (InvalidToken, ValueError, TypeError):
            return None

    def _evict(self, request: Request, response: Response, needed: int) -> None:
        """Delete invalid cookies, and the oldest until ``needed`` bytes are free."""
        cookies = {name: value for name, value in request.cookies.items() if name.startswith(self._prefix)}
        created = {name: decrypted[0] for name, value in cookies.items() if (decrypted := self._decrypt(value))}
        free = MAX_COOKIE_BYTES - needed
        for name in sorted(cookies, key=lambda name: created.get(name, 0), reverse=True):
            free -= len(cookies[name])
            if free < 0 or name not in created:
                self._set(response, name, "", 0)
