"""Read routes: Top 10, models, labels, and the state of the pipeline."""

from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from auth.http.numbers import INTEGER, NUMBER
from auth.http.permissions import CurrentPrincipal, public, require, user_of
from auth.principal import Scope
from serve_app.ingress import rendering, schemas
from serve_app.ingress.classification import ServedModel
from serve_app.ingress.classify import json_response
from serve_app.ingress.documentation import optional_security
from serve_app.ingress.gateway import Gateway
from serve_app.ingress.rolling_stats import WINDOW_S
from serve_app.statistics.own_top import own_top
from serve_app.statistics.top import By, TopEntry, report, top
from serve_app.statistics.windows import Window

_Responses = dict[int | str, dict[str, Any]]
_SCOPE: Final = (
    "`public`: what anonymous clients or several users requested, without URLs that have a query. `mine`: all of yours."
)


class TopScope(StrEnum):
    """Whose classifications the Top 10 counts."""

    PUBLIC = "public"
    MINE = "mine"


def read_routes(gateway: Gateway, errors: _Responses) -> APIRouter:
    """``/v1/top``, ``/v1/models``, ``/v1/labels``, ``/v1/pipeline``."""
    router = APIRouter(prefix="/v1", tags=["read"])

    @router.get(
        "/top",
        response_model=schemas.Top,
        responses=errors,
        openapi_extra=optional_security(Scope.HISTORY_READ),
        summary="Most requested images or labels",
    )
    @public
    async def most_frequent(
        principal: CurrentPrincipal,
        scope: Annotated[TopScope, Query(description=_SCOPE)] = TopScope.PUBLIC,
        by: Annotated[By, Query()] = By.IMAGE,
        window: Annotated[Window, Query()] = Window.ALL,
        limit: Annotated[int, Query(ge=1, le=100), INTEGER] = 10,
    ) -> Response:
        run = gateway.auth.workers.run
        if scope is TopScope.MINE:
            user = user_of(require(principal, Scope.HISTORY_READ))
            rows = await run(own_top, gateway.engine, user.id, by, window, limit)
        else:
            gateway.admission.require_reader(principal)
            rows = await run(top, gateway.engine, by, window, limit)
        document = {"scope": scope, "by": by, "window": window, "items": [_top_row(row) for row in rows]}
        return json_response(document, headers={"Cache-Control": "no-store"} if scope is TopScope.MINE else None)

    @router.get("/models", response_model=schemas.ModelCards, summary="Models in service")
    @public
    async def models() -> Response:
        return json_response({"items": [_model_card(gateway, model) for model in gateway.models.values()]})

    @router.get("/models/{name}", response_model=schemas.ModelCard, responses=errors, summary="One model")
    @public
    async def model(name: str) -> Response:
        return json_response(_model_card(gateway, gateway.model(name)))

    @router.get("/labels", response_model=schemas.LabelList, responses=errors, summary="Classes of a model")
    @public
    async def labels(
        q: Annotated[str, Query(max_length=100, description="Part of a class name, or a wnid; empty for all.")] = "",
        model: Annotated[str | None, Query()] = None,
    ) -> Response:
        served = gateway.model(model)
        found = served.labels.search(q) if q else range(len(served.labels))
        items = [{"index": i, "wnid": served.labels.wnid(i), "label": served.labels.name(i)} for i in found]
        return json_response({"items": items})

    @router.get(
        "/pipeline",
        response_model=schemas.LivePipeline,
        responses=errors,
        summary="State of the pipeline: replicas, queues, rates, latencies",
    )
    @public
    async def pipeline(
        window_s: Annotated[float, Query(ge=1, le=WINDOW_S, description="Window in seconds."), NUMBER] = WINDOW_S,
    ) -> Response:
        return json_response(gateway.live_stats(window_s))

    return router


def legacy_read_routes(gateway: Gateway, errors: _Responses) -> APIRouter:
    """The original application's Top 10, at the root and under ``/api``."""
    router = APIRouter(tags=["original"])

    @router.get(
        "/report",
        response_model=list[schemas.ReportRow],
        responses=errors,
        openapi_extra=optional_security(),
        summary="The 10 most requested public image URLs",
    )
    @public
    async def most_requested(principal: CurrentPrincipal) -> Response:
        gateway.admission.require_reader(principal)
        rows = await gateway.auth.workers.run(report, gateway.engine)
        return json_response([{"image_url": row.url} | _counts(row) for row in rows])

    return router


def _counts(row: TopEntry) -> dict[str, Any]:
    return {
        "classification_count": row.count,
        "processing_time_avg": row.processing_avg_s,
        "processing_time_max": row.processing_max_s,
        "processing_time_min": row.processing_min_s,
    }


def _top_row(row: TopEntry) -> dict[str, Any]:
    named = {"image_url": row.url, "sha256": row.sha256, "label": row.label, "wnid": row.wnid}
    return named | _counts(row) | {"last_seen": rendering.timestamp(row.last_seen)}


def _model_card(gateway: Gateway, model: ServedModel) -> dict[str, Any]:
    spec = model.spec
    return {
        "name": spec.name,
        "title": spec.title,
        "version": spec.version,
        "default": spec.name == gateway.default_model,
        "runtime": model.in_service.runtime,
        "precision": model.in_service.precision,
        "input_size": spec.transform.height,
        "input_shape": spec.transform.shape,
        "kind": spec.kind,
        "parameters": spec.parameters,
        "top1": spec.top1,
        "license": spec.license,
        "classes": len(model.labels),
    }
