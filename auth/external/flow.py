"""A sign-in with others that is under way, kept by the browser it is under way in: sealed, for ten minutes, once."""

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

LIFE_S: Final = 10 * MINUTE
LONGEST_NEXT: Final = 2500
"""A cookie of a browser holds 4096 bytes."""
MOST_COOKIES_BYTES: Final = 6000
"""Of all that are under way. More tabs than that, and the oldest begins again; a request has to hold them all."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What the answer of the provider is held against."""

    provider: str
    state: str = field(repr=False)
    """Goes with the browser to the provider and back."""
    nonce: str = field(repr=False)
    """Comes back within the id_token."""
    verifier: str = field(repr=False)
    """PKCE's: shows the provider that who redeems the code is who asked for it."""
    next: str
    """A path of ours, for afterwards."""
    user_id: int | None
    """Who asked to link their account; None to sign in."""


def new_flow(provider: str, then: str | None, user_id: int | None = None) -> Flow:
    """``then``: where to go on to, which anybody may have made up."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    path = safe_redirect_path(then)
    return Flow(provider, state, nonce, verifier, path if len(path) <= LONGEST_NEXT else "/", user_id)


class FlowCookies:
    """A cookie for each flow, so that tabs do not forget each other."""

    def __init__(self, settings: AuthSettings, clock: TimeSource) -> None:
        keys = settings.keys("sign-in with others")
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
        self._secure = settings.is_https
        self._prefix = "__Host-raylens_flow_" if settings.is_https else "raylens_flow_"
        self._clock = clock

    def set(self, request: Request, response: Response, flow: Flow) -> None:
        sealed = self._fernet.encrypt_at_time(json.dumps(astuple(flow)).encode(), int(self._clock())).decode()
        self._make_room(request, response, len(sealed))
        self._set(response, self._name(flow.state), sealed.rstrip("="), LIFE_S)

    def read(self, request: Request, state: str) -> Flow | None:
        """The flow this browser began with this state; None if it did not, or not within ten minutes."""
        opened = self._open(request.cookies.get(self._name(state), ""))
        return opened[1] if opened and hmac.compare_digest(opened[1].state.encode(), state.encode()) else None

    def clear(self, response: Response, state: str) -> None:
        self._set(response, self._name(state), "", 0)

    def _name(self, state: str) -> str:
        return self._prefix + digest_of(state).hex()[:16]

    def _set(self, response: Response, name: str, value: str, max_age: int) -> None:
        response.set_cookie(name, value, max_age=max_age, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _open(self, sealed: str) -> tuple[int, Flow] | None:
        """When it began, and the flow."""
        token = sealed + "=" * (-len(sealed) % 4)
        try:
            content = self._fernet.decrypt_at_time(token, LIFE_S, int(self._clock()))
            return self._fernet.extract_timestamp(token), Flow(*json.loads(content))
        except (InvalidToken, ValueError, TypeError):
            return None

    def _make_room(self, request: Request, response: Response, wanted: int) -> None:
        """Forget the oldest, and what is no good."""
        cookies = {name: value for name, value in request.cookies.items() if name.startswith(self._prefix)}
        began = {name: opened[0] for name, value in cookies.items() if (opened := self._open(value))}
        room = MOST_COOKIES_BYTES - wanted
        for name in sorted(cookies, key=lambda name: began.get(name, 0), reverse=True):
            room -= len(cookies[name])
            if room < 0 or name not in began:
                self._set(response, name, "", 0)
