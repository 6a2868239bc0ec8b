"""Responses while the database is unavailable."""

from collections.abc import AsyncIterator

import httpx
import pytest

from serve_app.database.engine import connect
from tests.auth.application import create
from tests.auth.oauth.partner import CALLBACK, challenge_of
from tests.servers.process import free_port


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    engine = connect(f"mysql+pymysql://nobody:secret@127.0.0.1:{free_port()}/nothing")
    async with create(engine).client() as client:
        yield client
    engine.dispose()


async def test_clients_get_a_json_error(client: httpx.AsyncClient):
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        response = await client.post(path, data={"grant_type": "client_credentials", "token": "x"}, auth=("a", "b"))
        assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
        assert response.headers["retry-after"] == "5"
        assert response.headers["cache-control"] == "no-store"


async def test_users_get_an_error_page(client: httpx.AsyncClient):
    query = {
        "response_type": "code",
        "client_id": "partner",
        "redirect_uri": CALLBACK,
        "code_challenge": challenge_of("x"),
        "code_challenge_method": "S256",
    }
    headers = {"Origin": "http://localhost:8000"}
    pages = [
        await client.get("/oauth/authorize", params=query),
        await client.post("/oauth/sign-in", data={"username": "alice", "password": "x"}, headers=headers),
    ]
    for page in pages:
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")
        assert int(page.headers["retry-after"]) > 0
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_discovery_needs_no_database(client: httpx.AsyncClient):
    for name in ("openid-configuration", "oauth-authorization-server"):
        assert (await client.get(f"/.well-known/{name}")).status_code == 200
