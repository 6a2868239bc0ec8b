"""Export of all data about a user."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from auth.audit import AuditEvent, AuditRecord, RequestSource
from auth.errors import TooManyRequests
from auth.http.head import is_head
from auth.http.permissions import SignedIn, user_of
from auth.routes.account import Account, account_of
from auth.routes.activity import ActivityEntry
from auth.routes.apps import AuthorizedApp
from auth.routes.devices import KnownDevice
from auth.routes.keys import ApiKey
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import Source
from auth.routes.sessions import ActiveSession

if TYPE_CHECKING:
    from auth.service import Auth

MAX_EXPORTS: Final = 2
"""In progress at once, per user and process."""
_RECORDS_PER_QUERY: Final = 500
"""Audit records per query."""
EXPORT_CHUNK_BYTES: Final = 64 << 10
"""Minimum size of a chunk of the response, except the last one."""
_HEADERS: Final = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="raylens-account.json"'}


class AccountExport(BaseModel):
    """All data stored about a user, without secrets."""

    account: Account
    sessions: list[ActiveSession]
    keys: list[ApiKey]
    apps: list[AuthorizedApp]
    devices: list[KnownDevice]
    activity: list[ActivityEntry]
    classifications: list[dict[str, Any]] = Field(description="As returned by GET /api/v1/classifications.")


def export_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/export``."""
    router = APIRouter(tags=["account"])
    slots = _Slots()

    @router.get(
        "/v1/account/export",
        operation_id="export_account",
        response_model=AccountExport,
        responses=problems(*SIGNED_IN, 429),
        summary="All data stored about you, as one file",
    )
    async def export_account(principal: SignedIn, request: Request, source: Source) -> StreamingResponse:
        user_id = user_of(principal).id
        slots.take(user_id)
        try:
            return await respond(user_id, principal.credential_id, request, source)
        except BaseException:
            slots.free(user_id)
            raise

    async def respond(user_id: int, credential_id: int, request: Request, source: RequestSource) -> StreamingResponse:
        if not is_head(request):
            await auth.workers.run(auth.audit.record, AuditEvent.EXPORTED, user_id=user_id, source=source)
        chunks = _chunks(_document(auth, user_id, credential_id))
        first = await auth.workers.run(next, chunks)  # while an error can still become a status
        return _ExportResponse(_all(auth, first, chunks), lambda: slots.free(user_id))

    return router


class _Slots:
    """The exports in progress in this process: reading a long history takes many queries."""

    def __init__(self) -> None:
        self._taken: Counter[int] = Counter()

    def take(self, user_id: int) -> None:
        """Raises TooManyRequests."""
        if self._taken[user_id] >= MAX_EXPORTS:
            raise TooManyRequests(f"{MAX_EXPORTS} exports of your account are in progress; wait for one of them.")
        self._taken[user_id] += 1

    def free(self, user_id: int) -> None:
        self._taken[user_id] -= 1
        self._taken += Counter()  # without users who have none


class _ExportResponse(StreamingResponse):
    """Calls ``on_end`` once it was sent, or the client has disconnected."""

    def __init__(self, content: AsyncIterator[bytes], on_end: Callable[[], None]) -> None:
        super().__init__(content, headers=_HEADERS, media_type="application/json")
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()


async def _all(auth: "Auth", first: bytes, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Reads each chunk after the previous one is sent, so the history is never in memory as a whole."""
    chunk = first
    while chunk:
        yield chunk
        chunk = await auth.workers.run(next, chunks, b"")


def _chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for part in parts:
        waiting += part
        if len(waiting) >= EXPORT_CHUNK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _document(auth: "Auth", user_id: int, current_id: int) -> Iterator[bytes]:
    yield b'{"account": ' + to_json(account_of(auth, user_id))
    sessions = auth.sessions.list(user_id)
    yield from _list("sessions", (ActiveSession.of(session, current_id) for session in sessions))
    yield from _list("keys", map(ApiKey.model_validate, auth.keys.list(user_id)))
    yield from _list("apps", map(AuthorizedApp.model_validate, auth.grants.consents(user_id)))
    yield from _list("devices", map(KnownDevice.model_validate, auth.grants.devices.list(user_id)))
    yield from _list("activity", map(ActivityEntry.of, _entries(auth, user_id)))
    yield from _list("classifications", auth.records_of(user_id))
    yield b"}\n"


def _list(name: str, items: Iterable[object]) -> Iterator[bytes]:
    before = f',\n"{name}": ['.encode()
    for item in items:
        yield before + b"\n" + to_json(item)
        before = b","
    yield b"]" if before == b"," else before + b"]"


def _entries(auth: "Auth", user_id: int) -> Iterator[AuditRecord]:
    before_id: int | None = None
    while entries := auth.audit.entries(user_id=user_id, before_id=before_id, limit=_RECORDS_PER_QUERY):
        yield from entries
        before_id = entries[-1].id
