"""Routes to what a user had classified: pages of it, one of them, all to take along, and the end of it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response, StreamingResponse

from auth.http.permissions import CurrentPrincipal, allowed, public, require, user_of
from auth.principal import Principal, Scope
from serve_app.ingress import export, schemas
from serve_app.ingress.classify import json_response
from serve_app.ingress.documentation import also
from serve_app.ingress.gateway import Gateway
from serve_app.statistics.history import SEARCH_LIMIT, unknown
from serve_app.types import Record

Reader = Annotated[Principal, allowed(Scope.HISTORY_READ)]
Writer = Annotated[Principal, allowed(Scope.HISTORY_WRITE)]
Id = Annotated[str, Path(description="32 hex digits.")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=200, description="next_cursor of the page before.")]
Label = Annotated[
    str,
    Query(
        max_length=100,
        description="Only those whose class has this in its name, or for its wnid. A request looks through "
        f"{SEARCH_LIMIT:,} classifications: a page may then be short, even empty, and have a next_cursor.",
    ),
]
PRIVATE: Final = {"Cache-Control": "no-store"}


def history_routes(gateway: Gateway, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """``/v1/classifications``, as far as it is about those of the past."""
    router = APIRouter(prefix="/v1/classifications", tags=["history"])
    run = gateway.auth.workers.run

    @router.get("", response_model=schemas.HistoryPage, responses=errors, summary="Your classifications, newest first")
    async def own(principal: Reader, limit: Limit = 20, cursor: Cursor = None, label: Label = "") -> Response:
        page = await run(gateway.history.page, user_of(principal).id, limit, cursor, label.strip())
        items = [gateway.record(record) for record in page.records]
        return json_response({"items": items, "next_cursor": page.next_cursor}, headers=PRIVATE)

    @router.get(
        "/export",
        response_class=Response,
        responses=errors | {200: {"description": "All of them, newest first", "content": export.CONTENT}},
        summary="Your classifications as one file",
    )
    async def take_along(
        principal: Reader, export_format: Annotated[export.Format, Query(alias="format")] = "json"
    ) -> Response:
        records = gateway.history.pages(user_of(principal).id)

        def read() -> list[dict[str, Any]]:
            return [gateway.record(record) for record in next(records, [])]

        first = await run(read)  # while a database that is away can still be told with a status
        content = export.written(export_format, export.pages(first, lambda: run(read)))
        headers = PRIVATE | {"Content-Disposition": f'attachment; filename="classifications.{export_format}"'}
        return StreamingResponse(content, headers=headers, media_type=export.MEDIA_TYPES[export_format])

    @router.get(
        "/{classification_id}",
        response_model=schemas.Classification,
        responses=errors,
        openapi_extra=also(Scope.HISTORY_READ),
        summary="A classification of the past; a user's is shown to nobody else",
    )
    @public
    async def look_up(classification_id: Id, principal: CurrentPrincipal) -> Response:
        record = await run(gateway.history.get, classification_id)
        _refuse_anothers(record, principal)
        return json_response(gateway.record(record), headers=PRIVATE)

    @router.delete("/{classification_id}", status_code=204, responses=errors, summary="Delete one of yours")
    async def delete(classification_id: Id, principal: Writer) -> Response:
        await run(gateway.history.delete, classification_id, user_of(principal).id)
        return Response(status_code=204)

    @router.delete("", status_code=204, responses=errors, summary="Delete all of yours")
    async def delete_all(principal: Writer) -> Response:
        await run(gateway.history.erase, user_of(principal).id)
        return Response(status_code=204)

    return router


def _refuse_anothers(record: Record, principal: Principal | None) -> None:
    """What nobody was signed in for is open to whoever knows the id; of the rest others learn not even that it is."""
    if record.user_id is None:
        return
    if principal is None or principal.user is None or principal.user.id != record.user_id:
        raise unknown(record.id)
    require(principal, Scope.HISTORY_READ)
