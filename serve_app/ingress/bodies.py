"""Request bodies: reads the images of a request in any of the accepted formats.

Every read is bounded by the limits for an image and for a request; ``request_bodies`` adds those of all bodies.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from starlette.requests import Request

from serve_app.config import LimitArguments
from serve_app.errors import (
    AmbiguousInput,
    BadUrl,
    ImageMissing,
    ImageTooLarge,
    InvalidParameter,
    MalformedBody,
    RaylensError,
)
from serve_app.ingress.base64_images import decoded_image, encoded_limit
from serve_app.ingress.classification import ImageUrl
from serve_app.ingress.json_body import JsonBody
from serve_app.ingress.multipart_body import read_multipart, too_many_images

RequestImage = bytes | ImageUrl | RaylensError
"""An image of a request as bytes or by its URL, or the error for an image that cannot be read."""

_IMAGE_MISSING: Final = (
    "The request has no image. Send it as the body, as a multipart part named “file”, or as JSON with “image_url” or "
    "“image_base64”."
)
_PART_IS_EMPTY: Final = "The part is empty; send the bytes of an image."


@dataclass(frozen=True, slots=True)
class RequestImages:
    """The images of a request, in order. ``is_list``: the response is a list, even if it has one item."""

    items: list[RequestImage]
    is_list: bool


async def read_images(request: Request, limits: LimitArguments) -> RequestImages:
    """The images of ``request``. In a list, an image that cannot be read is replaced by its error."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        return await _multipart(request, limits)
    if content_type == "application/json" or (content_type.endswith("+json") and not content_type.startswith("image/")):
        return await _json(request, limits)
    # Any other type (curl sends application/x-www-form-urlencoded): the format is detected from the bytes.
    buffer = BytesIO()
    async for chunk in _stream(request, limits.image_bytes, "image"):
        buffer.write(chunk)
    data = buffer.getvalue()  # does not copy, as joining chunks would
    if not data:
        raise ImageMissing(_IMAGE_MISSING)
    return RequestImages([data], is_list=False)


async def _stream(request: Request, limit: int, what: str) -> AsyncIterator[bytes]:
    too_large = ImageTooLarge(f"The {what} is larger than {limit >> 20} MiB.")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdecimal() and int(declared[:20]) > limit:
        raise too_large
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > limit:
            raise too_large
        yield chunk


async def _multipart(request: Request, limits: LimitArguments) -> RequestImages:
    stream = _stream(request, limits.body_bytes, "request")
    form = await read_multipart(stream, request.headers["content-type"], limits)
    if form.other_names and form.files:
        other = min(form.other_names).decode(errors="replace")
        raise AmbiguousInput(f"The request has a part named “{other}” besides “file”; name all parts “file”.")
    if not form.files:
        raise ImageMissing(_IMAGE_MISSING)
    items: list[RequestImage] = [file.getvalue() or ImageMissing(_PART_IS_EMPTY) for file in form.files]
    if len(items) == 1 and isinstance(items[0], RaylensError):
        raise items[0]
    return RequestImages(items, is_list=len(items) > 1)


async def _json(request: Request, limits: LimitArguments) -> RequestImages:
    body = JsonBody(encoded_limit(limits.image_bytes))
    async for chunk in _stream(request, limits.body_bytes, "request"):
        body.feed(chunk)
    if body.is_empty:
        raise ImageMissing(_IMAGE_MISSING)
    document = body.parse()
    if not isinstance(document, dict):
        raise MalformedBody("The body must be a JSON object.")
    if "images" not in document:
        return RequestImages([await _source(document, body, limits)], is_list=False)
    if "image_url" in document or "image_base64" in document:
        raise AmbiguousInput("Send either “images” or one image.")
    return RequestImages(await _from_list(document["images"], body, limits), is_list=True)


async def _from_list(images: Any, body: JsonBody, limits: LimitArguments) -> list[RequestImage]:  # noqa: ANN401 - unvalidated input
    if not isinstance(images, list):
        raise InvalidParameter("“images” must be a list.")
    if not images:
        raise ImageMissing("“images” is empty.")
    if len(images) > limits.images:
        raise too_many_images(limits)
    return [await _source_or_error(image, body, limits) for image in images]


async def _source_or_error(image: Any, body: JsonBody, limits: LimitArguments) -> RequestImage:  # noqa: ANN401
    try:
        return await _source(image, body, limits)
    except RaylensError as error:
        return error.detached()


async def _source(image: Any, body: JsonBody, limits: LimitArguments) -> bytes | ImageUrl:  # noqa: ANN401
    if not isinstance(image, dict):
        raise InvalidParameter("An image must be an object with “image_url” or “image_base64”.")
    url, encoded = image.get("image_url"), image.get("image_base64")
    if url is not None and encoded is not None:
        raise AmbiguousInput("The image has both “image_url” and “image_base64”; send only one.")
    if url is not None:
        return _url(url, body)
    if encoded is None or encoded == "":
        raise ImageMissing(_IMAGE_MISSING)
    if not isinstance(encoded, str):
        raise InvalidParameter("“image_base64” must be a string.")
    return await decoded_image(body.take(encoded) or encoded.encode(errors="replace"), limits.image_bytes)


def _url(url: Any, body: JsonBody) -> ImageUrl:  # noqa: ANN401
    if not isinstance(url, str):
        raise InvalidParameter("“image_url” must be a string.")
    if not url:
        raise ImageMissing("“image_url” is empty.")
    if (long := body.take(url)) is not None:
        raise BadUrl(f"The URL has at least {len(long):,} characters; send the bytes of an image as “image_base64”.")
    return ImageUrl(url)
