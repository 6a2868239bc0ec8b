"""An application that is nothing but users: what Auth offers, on a database of a test's, at a time of a test's.

application = create(engine, registration=False)
async with application.client() as client:
    reply = await client.post("/auth/token/login/", json={...})
application.clock.forward(60)

The fixtures ``application`` and ``client`` (conftest.py) are one that is as it comes.
"""

from dataclasses import dataclass, replace
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import Engine

from auth.app import include_auth
from auth.errors import AuthError
from auth.http.permissions import require_access_rules
from auth.service import Auth
from auth.settings import AuthSettings
from tests.clock import MovableClock

SETTINGS = AuthSettings(
    public_url="http://localhost:8000", public_url_is_given=False, secret_keys=(b"a test's secret key, long enough",)
)
ADDRESS = "203.0.113.7"


@dataclass(frozen=True)
class Application:
    app: FastAPI
    auth: Auth
    clock: MovableClock

    def client(self, address: str = ADDRESS, **options: Any) -> httpx.AsyncClient:
        """Somebody at ``address``, with a cookie jar of their own; use it in ``async with``."""
        transport = httpx.ASGITransport(self.app, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=self.auth.settings.public_url, **options)

    def forget(self) -> None:
        """Let what was done behind the application's back count at once: nobody is remembered."""
        self.auth.authenticator.invalidate_all()


def create(engine: Engine, clock: MovableClock | None = None, **settings: Any) -> Application:
    """All routes of Auth. ``settings`` replace those of :data:`SETTINGS`; two replicas share a clock."""
    clock = clock or MovableClock()
    auth = Auth(engine, replace(SETTINGS, **settings), address_of=_address, clock=clock, monotonic=clock)
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(AuthError, _on_auth_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    include_auth(app, auth)
    require_access_rules(app)
    return Application(app, auth, clock)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _on_auth_error(_request: Request, error: Exception) -> JSONResponse:
    """Status, code and headers as the service's problem documents have them."""
    assert isinstance(error, AuthError)
    headers = {}
    if error.challenge:
        headers["WWW-Authenticate"] = error.challenge
    if error.retry_after:
        headers["Retry-After"] = str(round(error.retry_after))
    return JSONResponse({"code": error.code, "detail": error.message}, error.status, headers)


async def _on_invalid(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"code": "invalid_parameter"}, 422)
