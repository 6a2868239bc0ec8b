"""Routes that classify, and the look at one classification of the past."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from serve_app.errors import InvalidParameter, RaylensError, Unavailable
from serve_app.ingress import rendering, schemas
from serve_app.ingress.bodies import Source, read_sources
from serve_app.ingress.classification import Classification, ImageUrl, Options
from serve_app.ingress.clients import client_of
from serve_app.ingress.gateway import Gateway
from serve_app.ingress.options import PARAMETERS, options_of
from serve_app.ingress.problems import problem, request_id_of

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


async def _answer(gateway: Gateway, source: Source, options: Options) -> Classification:
    if isinstance(source, RaylensError):
        gateway.pulse.refused(source.code)
        raise source
    return await gateway.classify(source, options)


async def answer_all(
    gateway: Gateway, sources: Sequence[Source], options: Options
) -> list[Classification | RaylensError]:
    """One answer or error for each source, in order; all are under way at once."""

    async def answer(source: Source) -> Classification | RaylensError:
        try:
            return await _answer(gateway, source, options)
        except RaylensError as error:
            return error

    return list(await asyncio.gather(*(answer(source) for source in sources)))


def classify_routes(gateway: Gateway, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """``/v1/classifications``."""
    router = APIRouter(prefix="/v1", tags=["classify"])

    @router.post(
        "/classifications",
        status_code=201,
        response_model=schemas.Classification | schemas.Classifications,
        responses=errors,
        openapi_extra=BODY | PARAMETERS,
        summary="Classify one image or several",
    )
    async def classify(request: Request) -> Response:
        options = options_of(request, gateway)
        gateway.refuse_if_full(options.model)
        with gateway.memory.account() as account:
            with gateway.counting_refusals():
                sources = await read_sources(request, gateway.limits, account)
                await gateway.rate_limiter.take(client_of(request, gateway.settings), len(sources.items))
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

    @router.get(
        "/classifications/{classification_id}",
        response_model=schemas.Classification,
        responses=errors,
        summary="A classification of the past",
    )
    async def look_up(classification_id: str) -> Response:
        try:
            record = await asyncio.to_thread(gateway.history.get, classification_id)
        except SQLAlchemyError:
            raise Unavailable("The database cannot be reached just now; try again later.", retry_after=5.0) from None
        model = gateway.models.get(record.model)
        return json_response(rendering.recorded(record, model.labels if model else None))

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
            }
        },
        summary="Classify the image behind a URL",
    )
    async def classify_image(request: Request) -> Response:
        options = Options(gateway.model(None), 5, "use", time.time() + gateway.limits.request_timeout_s)
        gateway.refuse_if_full(options.model)
        with gateway.memory.account() as account:
            with gateway.counting_refusals():
                sources = await read_sources(request, gateway.limits, account)
                source = sources.items[0]
                if sources.several or not isinstance(source, ImageUrl):
                    raise InvalidParameter(
                        "This call takes JSON with one “image_url”; see /api/v1/classifications for more."
                    )
                await gateway.rate_limiter.take(client_of(request, gateway.settings))
            answer = await gateway.classify(source, options)
        return json_response(rendering.legacy(answer), 201, {"X-Cache": answer.outcome})

    return router
