"""The export of all data of a user as one file, which is streamed."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from httpx import AsyncClient
from sqlalchemy import Connection

from auth.audit import AuditEvent, RequestSource
from auth.database import write
from auth.routes.export import EXPORT_CHUNK_BYTES, AccountExport, _chunks
from tests.auth.application import Application
from tests.auth.routes.browser import OWN
from tests.auth.user_factory import UserFactory

EXPORT = "/api/v1/account/export"
RECORD = {"id": "0" * 32, "image": {"url": "https://example.org/🐕.jpg"}, "predictions": [{"rank": 1}]}


def record(application: Application, factory: UserFactory, user_id: int, times: int) -> None:
    """Add audit entries of sign-ins."""

    def add(connection: Connection) -> None:
        for _ in range(times):
            application.auth.audit.add(connection, AuditEvent.SIGNED_IN, user_id=user_id)

    write(factory.engine, add)


async def test_an_export_has_all_data_of_the_user(
    alice_client: AsyncClient, application: Application, factory: UserFactory, alice: int
):
    keys = [factory.issue(user_id, "key", frozenset({"classify"})) for user_id in (alice, factory.add("bob"))]
    token = factory.issue(alice, "token")
    record(application, factory, alice, 2)
    asked: list[int] = []

    def records_of(user_id: int) -> Iterator[dict[str, Any]]:
        asked.append(user_id)
        yield from [RECORD, RECORD]

    application.auth.records_of = records_of
    reply = await alice_client.get(EXPORT)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-disposition"] == 'attachment; filename="raylens-account.json"'
    assert reply.headers["cache-control"] == "no-store"
    document = AccountExport.model_validate_json(reply.content)
    assert asked == [alice]
    assert (document.account.username, document.account.identities) == ("alice", [])
    assert [(session.kind, session.current) for session in document.sessions] == [("token", False), ("session", True)]
    assert [key.id for key in document.keys] == [factory.credential_id(keys[0])]
    assert document.apps == []
    assert [entry.event for entry in document.activity] == ["user.exported", "user.signed_in", "user.signed_in"]
    assert document.classifications == [RECORD, RECORD]
    for secret in (*keys, token):
        assert secret[10:] not in reply.text
    assert "argon2" not in reply.text


async def test_an_export_without_history(alice_client: AsyncClient):
    document = (await alice_client.get(EXPORT)).json()
    assert list(document) == ["account", "sessions", "keys", "apps", "devices", "activity", "classifications"]
    assert document["classifications"] == []


async def test_a_long_history_is_complete(
    alice_client: AsyncClient, application: Application, factory: UserFactory, alice: int
):
    record(application, factory, alice, 1200)
    application.auth.records_of = lambda _user_id: iter([RECORD] * 5000)
    document = (await alice_client.get(EXPORT)).json()
    assert (len(document["activity"]), len(document["classifications"])) == (1201, 5000)
    assert len({entry["id"] for entry in document["activity"]}) == 1201


def test_the_export_is_streamed_in_chunks():
    taken = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"x" * 1024

    chunks = _chunks(parts())
    first = next(chunks)
    assert taken == EXPORT_CHUNK_BYTES // 1024
    assert b"".join([first, *chunks]) == b"x" * 1024 * 1000


async def test_a_failing_database_yields_500_instead_of_half_a_file(
    application: Application, factory: UserFactory, alice: int
):
    def records_of(_user_id: int) -> Iterator[dict[str, Any]]:
        raise ConnectionError
        yield

    application.auth.records_of = records_of
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    cookies = {application.auth.cookie.name: factory.issue(alice)}
    async with AsyncClient(transport=transport, base_url="http://localhost:8000", cookies=cookies) as client:
        assert (await client.get(EXPORT, headers=OWN)).status_code == 500


async def test_a_user_who_was_just_deleted(alice_client: AsyncClient, application: Application, alice: int):
    assert (await alice_client.get("/api/v1/account")).status_code == 200
    application.auth.accounts.delete(alice, actor_id=4711, source=RequestSource())
    assert (await alice_client.get(EXPORT)).status_code == 401


async def test_other_methods(alice_client: AsyncClient, application: Application, alice: int):
    for method in ("POST", "PUT"):
        assert (await alice_client.request(method, EXPORT)).status_code == 405, method
    reply = await alice_client.head(EXPORT)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert application.auth.audit.entries(user_id=alice, event=AuditEvent.EXPORTED) == []


async def test_a_user_has_two_exports_in_progress_at_most(
    alice_client: AsyncClient, application: Application, monkeypatch: pytest.MonkeyPatch
):
    waiting, release = threading.Semaphore(0), threading.Event()

    def records_of(_user_id: int) -> Iterator[dict[str, Any]]:
        waiting.release()
        release.wait(60)
        yield RECORD

    monkeypatch.setattr(application.auth, "records_of", records_of)
    slow = [asyncio.create_task(alice_client.get(EXPORT)) for _ in range(2)]
    await asyncio.to_thread(lambda: [waiting.acquire(timeout=60) for _ in slow])
    refused = [await alice_client.get(EXPORT) for _ in range(20)]
    release.set()
    assert {(reply.status_code, reply.json()["code"]) for reply in refused} == {(429, "too_many_requests")}
    assert [reply.status_code for reply in await asyncio.gather(*slow)] == [200, 200]
    assert (await alice_client.get(EXPORT)).status_code == 200
