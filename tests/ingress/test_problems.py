"""Errors as problem documents."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from auth.errors import AuthError, Busy, InsufficientScope, InvalidFields, NotAuthenticated, Throttled
from serve_app.errors import RaylensError
from serve_app.ingress.problems import Problem, install_problem_handlers

HINT = 'Bearer error="insufficient_scope", scope="admin"'


async def answer(error: Exception) -> httpx.Response:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://raylens.test") as client:
        return await client.get("/", headers={"X-Request-Id": "mine"})


@pytest.mark.parametrize(
    ("error", "status", "headers", "more"),
    [
        (NotAuthenticated("Sign in."), 401, {"WWW-Authenticate": "Bearer"}, {}),
        (InsufficientScope("No.", challenge=HINT), 403, {"WWW-Authenticate": HINT}, {}),
        (Throttled("Later.", retry_after=2.2), 429, {"Retry-After": "3"}, {}),
        (Busy("Later."), 503, {"Retry-After": "1"}, {}),
        (InvalidFields({"username": ["Taken.", "Long."]}), 400, {}, {"errors": {"username": ["Taken.", "Long."]}}),
    ],
)
async def test_an_error_becomes_a_problem_document(
    error: AuthError, status: int, headers: dict[str, str], more: dict[str, Any]
) -> None:
    response = await answer(error)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    headers_found = {name: response.headers.get(name) for name in ("WWW-Authenticate", "Retry-After")}
    assert headers_found == {"WWW-Authenticate": None, "Retry-After": None} | headers
    assert response.json() == {
        "type": f"urn:raylens:problem:{error.code}",
        "title": error.title,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "request_id": "mine",
        **more,
    }
    Problem.model_validate(response.json())


def test_every_code_has_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for kind in (*kinds(AuthError), *kinds(RaylensError)):
        statuses.setdefault(kind.code, set()).add(kind.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


Kind = type[AuthError] | type[RaylensError]


def kinds(kind: Kind) -> list[Kind]:
    """A class of errors and all its subclasses."""
    return [kind, *(below for child in kind.__subclasses__() for below in kinds(child))]
