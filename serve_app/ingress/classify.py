"""Routes that classify images."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from auth.http.permissions import public
from auth.principal import Principal, Scope
from serve_app.errors import InvalidParameter, RaylensError
from serve_app.ingress import rendering, schemas
from serve_app.ingress.bodies import RequestImage, RequestImages, read_images
from serve_app.ingress.classification import ClassifiedImage, ImageUrl, Options, ServedModel
from serve_app.ingress.documentation import optional_security
from serve_app.ingress.gateway import Gateway
from serve_app.ingress.options import PARAMETERS, has_timeout, options_of
from serve_app.ingress.problems import problem, request_id_of
from serve_app.ingress.requester import Requester
from serve_app.observability import tracing
from serve_app.observability.request_log import log_failed_image

_REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An image, 1 to 64 multipart parts named “file”, or JSON.",
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


async def _admit(gateway: Gateway, request: Request, model: ServedModel) -> tuple[Principal | None, Requester]:
    """The principal and the client of the request. Raises Overloaded if the queue has no place for the client."""
    admission = gateway.admission
    # Before anything is looked up.
    if model.queue.is_full and (error := gateway.overload(model, admission.presumed_client_of(request))):
        raise error
    with gateway.counting_rejections(), tracing.span("authenticate"):
        principal = await admission.admit(request)
    client = Requester(
        admission.client_of(request, principal),
        principal.user.id if principal and principal.user else None,
        partial(admission.charge, request, principal),
    )
    if error := gateway.overload(model, client.name):
        raise error
    return principal, client


async def _read(gateway: Gateway, request: Request, principal: Principal | None) -> RequestImages:
    """The images, counted against the rate limits: the first before the body costs anything, the others afterwards."""
    with gateway.counting_rejections():
        await gateway.admission.consume(request, principal)
        with tracing.span("read body"):
            images = await read_images(request, gateway.limits)
        await gateway.admission.consume(request, principal, len(images.items), consumed=1)
        return images


async def _answer(gateway: Gateway, image: RequestImage, options: Options) -> ClassifiedImage:
    if isinstance(image, RaylensError):
        gateway.stats.rejected(image.code)
        raise image
    return await gateway.classify(image, options)


async def answer_all(
    gateway: Gateway, images: Sequence[RequestImage], options: Options
) -> list[ClassifiedImage | RaylensError]:
    """One answer or error per image, in order; all are processed concurrently."""

    async def answer(index: int, image: RequestImage) -> ClassifiedImage | RaylensError:
        try:
            return await _answer(gateway, image, options)
        except RaylensError as error:
            log_failed_image(index, error)
            return error.detached()

    return list(await asyncio.gather(*(answer(index, image) for index, image in enumerate(images))))


def classify_routes(gateway: Gateway, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """``/v1/classifications``."""
    router = APIRouter(prefix="/v1", tags=["classify"])

    @router.post(
        "/classifications",
        status_code=201,
        response_model=schemas.Classification | schemas.Classifications,
        responses=errors,
        openapi_extra=_REQUEST_BODY | PARAMETERS | optional_security(Scope.CLASSIFY),
        summary="Classify one or several images",
    )
    @public
    async def classify(request: Request) -> Response:
        model = gateway.model(request.query_params.get("model"))
        principal, client = await _admit(gateway, request, model)
        options = options_of(request, model, gateway.limits.request_timeout_s, client=client)
        images = await _read(gateway, request, principal)
        if not has_timeout(request):  # otherwise a slow upload would leave no time
            options = replace(options, deadline=time.time() + gateway.limits.request_timeout_s)
        if not images.is_list:
            answer = await _answer(gateway, images.items[0], options)
            return json_response(rendering.classification(answer), 201, {"X-Cache": answer.outcome})
        answers = await answer_all(gateway, images.items, options)
        request_id = request_id_of(request)
        items = [
            problem(answer, request_id) if isinstance(answer, RaylensError) else rendering.classification(answer)
            for answer in answers
        ]
        return json_response({"items": items}, 201)

    return router


def legacy_classify_routes(gateway: Gateway, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """The original application's route, at the root and under ``/api``."""
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
            **optional_security(Scope.CLASSIFY),
        },
        summary="Classify the image at a URL",
    )
    @public
    async def classify_image(request: Request) -> Response:
        model = gateway.model(None)
        principal, client = await _admit(gateway, request, model)
        images = await _read(gateway, request, principal)
        image = images.items[0]
        if images.is_list or not isinstance(image, ImageUrl):
            gateway.stats.rejected(InvalidParameter.code)
            raise InvalidParameter("Send JSON with one “image_url”; for other inputs use /api/v1/classifications.")
        deadline = time.time() + gateway.limits.request_timeout_s
        options = Options(model, 5, "use", deadline, client, request_id_of(request))
        answer = await gateway.classify(image, options)
        return json_response(rendering.legacy(answer), 201, {"X-Cache": answer.outcome})

    return router
