"""An application with nothing but the routes of auth, on a test's database and clock.

application = create(engine, registration=False)
async with application.client() as client:
    reply = await client.post("/auth/token/login/", json={...})
application.clock.forward(60)

The fixtures ``application`` and ``client`` (conftest.py) have the default settings.
"""

from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from starlette.types import Receive, Scope, Send

from auth.app import include_auth
from auth.audit import RequestSource
from auth.errors import AuthError
from auth.http.permissions import require_access_rules
from auth.passwords.admission import Attempt
from auth.passwords.hashing import HashingCost, Passwords
from auth.passwords.throttle_keys import Origin
from auth.principal import User
from auth.service import Auth
from auth.settings import AuthSettings
from auth.users.accounts import AccountService
from auth.users.usernames import key_of
from serve_app.ingress.methods import MethodsMiddleware, MethodTable
from tests.clock import MovableClock

SETTINGS = AuthSettings(
    public_url="http://localhost:8000",
    public_url_is_given=False,
    secret_keys=(b"a test's secret key, long enough",),
    hashing_cost=HashingCost(memory_kib=8, passes=1),
)
PASSWORD = "plum kettle orbit canyon"
PASSWORD_HASH = Passwords(SETTINGS.password_min_length, SETTINGS.hashing_cost).hash(PASSWORD)
ADDRESS = "203.0.113.7"

_auth: ContextVar[Auth] = ContextVar("auth")
"""Of the application that handles the request."""


@dataclass(frozen=True)
class Application:
    """An ASGI application. All of them share their routes, which take a hundred times as long to build as ``auth``."""

    auth: Auth
    clock: MovableClock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _auth.set(self.auth)
        try:
            await shared_routes()(scope, receive, send)
        finally:
            _auth.reset(token)

    def client(self, address: str = ADDRESS, **options: Any) -> httpx.AsyncClient:
        """A client at ``address`` with its own cookie jar; use it in ``async with``."""
        transport = httpx.ASGITransport(self, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=self.auth.settings.public_url, **options)

    def clear_cache(self) -> None:
        """Clear the cached principals, so that changes made directly in the database take effect."""
        self.auth.authenticator.invalidate_all()


def create(engine: Engine, clock: MovableClock | None = None, **settings: Any) -> Application:
    """An application with ``settings`` instead of those of :data:`SETTINGS`. Replicas share a database and a clock."""
    clock = clock or MovableClock()
    auth = Auth(engine, replace(SETTINGS, **settings), address_of=_address, clock=clock, monotonic=clock)
    return Application(auth, clock)


class _CurrentAuthenticator:
    def __getattr__(self, name: str) -> Any:
        return getattr(_auth.get().authenticator, name)


class _CurrentAuth:
    """Stands in for Auth in the shared routes."""

    authenticator = _CurrentAuthenticator()

    def __getattr__(self, name: str) -> Any:
        return getattr(_auth.get(), name)


def admit(accounts: AccountService, username: str, password: str, address: str = ADDRESS) -> Attempt:
    """An attempt with a password from an address. Raises Throttled."""
    return accounts._throttle.begin(key_of(username), Origin(address), password)


def authenticate(accounts: AccountService, username: str, password: str, *, source: RequestSource) -> User:
    """The user with this name and password. Raises InvalidLogin or Throttled."""
    attempt = admit(accounts, username, password, source.address)
    return accounts.authenticate(username, attempt, lambda _connection, user: user, source=source)


@cache
def shared_routes() -> FastAPI:
    """All routes of auth; use them through an :class:`Application`."""
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(AuthError, _on_auth_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    include_auth(app, cast("Auth", _CurrentAuth()))
    require_access_rules(app)
    app.add_middleware(MethodsMiddleware, table=MethodTable(app))
    return app


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _on_auth_error(_request: Request, error: Exception) -> JSONResponse:
    """Status, code and headers as in the problem documents of the service."""
    assert isinstance(error, AuthError)
    headers = {}
    if error.challenge:
        headers["WWW-Authenticate"] = error.challenge
    if error.retry_after:
        headers["Retry-After"] = str(round(error.retry_after))
    return JSONResponse({"code": error.code, "detail": error.message}, error.status, headers)


async def _on_invalid(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"code": "invalid_parameter"}, 422)
