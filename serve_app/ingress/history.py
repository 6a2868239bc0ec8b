"""Routes for the classification history of a user: list, get, export and delete."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response, StreamingResponse

from auth.http.numbers import INTEGER
from auth.http.permissions import CurrentPrincipal, allowed, public, require, user_of
from auth.principal import Principal, Scope
from serve_app.ingress import export, schemas
from serve_app.ingress.classify import json_response
from serve_app.ingress.documentation import optional_security
from serve_app.ingress.gateway import Gateway
from serve_app.statistics.history import SEARCH_LIMIT, unknown
from serve_app.types import Record

_Reader = Annotated[Principal, allowed(Scope.HISTORY_READ)]
_Writer = Annotated[Principal, allowed(Scope.HISTORY_WRITE)]
_ClassificationId = Annotated[str, Path(description="32 hex digits.")]
_Limit = Annotated[int, Query(ge=1, le=100), INTEGER]
_Cursor = Annotated[str | None, Query(max_length=200, description="next_cursor of the previous page.")]
_LabelFilter = Annotated[
    str,
    Query(
        max_length=100,
        description="Only classifications whose most probable class has this text in its name, or this wnid. A "
        f"request searches {SEARCH_LIMIT:,} classifications: a page may be short or empty and have a next_cursor.",
    ),
]
_NO_STORE: Final = {"Cache-Control": "no-store"}


def history_routes(gateway: Gateway, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """``/v1/classifications``: past classifications."""
    router = APIRouter(prefix="/v1/classifications", tags=["history"])
    run = gateway.auth.workers.run

    @router.get("", response_model=schemas.HistoryPage, responses=errors, summary="Your classifications, newest first")
    async def list_own(
        principal: _Reader, limit: _Limit = 20, cursor: _Cursor = None, label: _LabelFilter = ""
    ) -> Response:
        page = await run(gateway.history.page, user_of(principal).id, limit, cursor, label.strip())
        items = [gateway.record(record) for record in page.records]
        return json_response({"items": items, "next_cursor": page.next_cursor}, headers=_NO_STORE)

    @router.get(
        "/export",
        response_class=Response,
        responses=errors | {200: {"description": "All classifications, newest first", "content": export.CONTENT}},
        summary="Your classifications as one file",
    )
    async def export_own(
        principal: _Reader, export_format: Annotated[export.Format, Query(alias="format")] = "json"
    ) -> Response:
        records = gateway.history.pages(user_of(principal).id)

        def read() -> list[dict[str, Any]]:
            return [gateway.record(record) for record in next(records, [])]

        first = await run(read)  # here, an unavailable database can still be reported with a status
        content = export.serialize(export_format, export.pages(first, lambda: run(read)))
        headers = _NO_STORE | {"Content-Disposition": f'attachment; filename="classifications.{export_format}"'}
        return StreamingResponse(content, headers=headers, media_type=export.MEDIA_TYPES[export_format])

    @router.get(
        "/{classification_id}",
        response_model=schemas.Classification,
        responses=errors,
        openapi_extra=optional_security(Scope.HISTORY_READ),
        summary="A past classification; classifications of a user are visible only to that user",
    )
    @public
    async def get(classification_id: _ClassificationId, principal: CurrentPrincipal) -> Response:
        record = await run(gateway.history.get, classification_id)
        _require_access(record, principal)
        return json_response(gateway.record(record), headers=_NO_STORE)

    @router.delete("/{classification_id}", status_code=204, responses=errors, summary="Delete a classification")
    async def delete(classification_id: _ClassificationId, principal: _Writer) -> Response:
        await run(gateway.history.delete, classification_id, user_of(principal).id)
        return Response(status_code=204)

    @router.delete("", status_code=204, responses=errors, summary="Delete all your classifications")
    async def delete_all(principal: _Writer) -> Response:
        await run(gateway.history.erase, user_of(principal).id)
        return Response(status_code=204)

    return router


def _require_access(record: Record, principal: Principal | None) -> None:
    """Anonymous classifications are public by id; those of other users are reported as unknown."""
    if record.user_id is None:
        return
    if principal is None or principal.user is None or principal.user.id != record.user_id:
        raise unknown(record.id)
    require(principal, Scope.HISTORY_READ)
