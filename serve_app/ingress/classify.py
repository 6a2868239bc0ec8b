"""Routes that classify."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from auth.http.permissions import public
from auth.principal import Principal, Scope
from serve_app.errors import InvalidParameter, RaylensError
from serve_app.ingress import rendering, schemas
from serve_app.ingress.bodies import Source, read_sources
from serve_app.ingress.classification import Classification, ImageUrl, Options, ServedModel
from serve_app.ingress.documentation import also
from serve_app.ingress.gateway import Gateway
from serve_app.ingress.options import PARAMETERS, options_of
from serve_app.ingress.problems import problem, request_id_of
from serve_app.observability import tracing
from serve_app.observability.request_log import log_failed_image

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The image itself, 1 to 64 parts named “file”, or JSON.",
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
            "application/json": {
                "schema": {"oneOf": [schemas.JSON_IMAGE, schemas.JSON_IMAGES]},
                "examples": {
                    "url": {"value": {"image_url": "https://example.org/dog.jpg"}},
                    "several": {"value": {"images": [{"image_url": "https://example.org/dog.jpg"}]}},
                },
            },
        },
    }
}


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401
    return Response(to_json(document), status, headers, media_type="application/json")


async def _admit(gateway: Gateway, request: Request, model: ServedModel) -> Principal | None:
    """Who asks, unless there is no room for what they bring."""
    gateway.refuse_if_full(model)
    with gateway.counting_refusals(), tracing.span("authenticate"):
        return await gateway.admission.admit(request)


def _user_id(principal: Principal | None) -> int | None:
    return principal.user.id if principal and principal.user else None


async def _answer(gateway: Gateway, source: Source, options: Options) -> Classification:
    if isinstance(source, RaylensError):
        gateway.pulse.refused(source.code)
        raise source
    return await gateway.classify(source, options)


async def answer_all(
    gateway: Gateway, sources: Sequence[Source], options: Options
) -> list[Classification | RaylensError]:
    """One answer or error for each source, in order; all are under way at once."""

    async def answer(index: int, source: Source) -> Classification | RaylensError:
        try:
            return await _answer(gateway, source, options)
        except RaylensError as error:
            log_failed_image(index, error)
            return error

    return list(await asyncio.gather(*(answer(index, source) for index, source in enumerate(sources))))


def classify_routes(gateway: Gateway, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """``/v1/classifications``."""
    router = APIRouter(prefix="/v1", tags=["classify"])

    @router.post(
        "/classifications",
        status_code=201,
        response_model=schemas.Classification | schemas.Classifications,
        responses=errors,
        openapi_extra=BODY | PARAMETERS | also(Scope.CLASSIFY),
        summary="Classify one image or several",
    )
    @public
    async def classify(request: Request) -> Response:
        model = gateway.model(request.query_params.get("model"))
        principal = await _admit(gateway, request, model)
        options = options_of(request, model, gateway.limits.request_timeout_s, _user_id(principal))
        with gateway.memory.account() as account:
            with gateway.counting_refusals():
                with tracing.span("read body"):
                    sources = await read_sources(request, gateway.limits, account)
                await gateway.admission.charge(request, principal, len(sources.items))
            if not sources.several:
                answer = await _answer(gateway, sources.items[0], options)
                return json_response(rendering.classification(answer), 201, {"X-Cache": answer.outcome})
            answers = await answer_all(gateway, sources.items, options)
        request_id = request_id_of(request)
        items = [
            problem(answer, request_id) if isinstance(answer, RaylensError) else rendering.classification(answer)
            for answer in answers
        ]
        return json_response({"items": items}, 201)

    return router


def legacy_classify_routes(gateway: Gateway, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """The original's call; it stands at the root and under ``/api``."""
    router = APIRouter(tags=["original"])

    @router.post(
        "/classify-image",
        status_code=201,
        response_model=schemas.LegacyClassification,
        responses=errors,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schemas.LegacyRequest.model_json_schema()}},
            },
            **also(Scope.CLASSIFY),
        },
        summary="Classify the image behind a URL",
    )
    @public
    async def classify_image(request: Request) -> Response:
        model = gateway.model(None)
        principal = await _admit(gateway, request, model)
        deadline = time.time() + gateway.limits.request_timeout_s
        options = Options(model, 5, "use", deadline, _user_id(principal), request_id_of(request))
        with gateway.memory.account() as account:
            with gateway.counting_refusals():
                with tracing.span("read body"):
                    sources = await read_sources(request, gateway.limits, account)
                source = sources.items[0]
                if sources.several or not isinstance(source, ImageUrl):
                    raise InvalidParameter(
                        "This call takes JSON with one “image_url”; see /api/v1/classifications for more."
                    )
                await gateway.admission.charge(request, principal)
            answer = await gateway.classify(source, options)
        return json_response(rendering.legacy(answer), 201, {"X-Cache": answer.outcome})

    return router
