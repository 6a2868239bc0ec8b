"""What images a request brings, in whichever guise.

Nothing is read past its limit: an image's, the request's, or the memory all requests share.
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from serve_app.config import LimitArguments
from serve_app.errors import (
    AmbiguousInput,
    ImageMissing,
    ImageTooLarge,
    InvalidParameter,
    MalformedBody,
    Overloaded,
    RaylensError,
    TooManyImages,
)
from serve_app.ingress.classification import ImageUrl, Upload

Source = Upload | ImageUrl | RaylensError

NOTHING: Final = (
    "Send an image: as the body, as a multipart part named “file”, or as JSON with “image_url” or “image_base64”."
)


class ByteBudget:
    """Bytes of request bodies that may be in memory at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._left = limit

    @property
    def held(self) -> int:
        return self.limit - self._left

    @contextmanager
    def account(self) -> "Iterator[Account]":
        account = Account(self)
        try:
            yield account
        finally:
            self._left += account.taken

    def take(self, count: int) -> None:
        if count > self._left:
            raise Overloaded("The images of other requests fill the memory set aside for them; try again in a moment.")
        self._left -= count


class Account:
    """What one request has taken of the budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.taken = 0

    def take(self, count: int) -> None:
        """Raises Overloaded."""
        self._budget.take(count)
        self.taken += count


@dataclass(frozen=True, slots=True)
class Sources:
    """The images of a request, in order. ``several``: the reply is a list, also where it has one item."""

    items: list[Source]
    several: bool


async def read_sources(request: Request, limits: LimitArguments, account: Account) -> Sources:
    """The images of ``request``. One image that cannot be read is an error in its place where there are several."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        return await _multipart(request, limits, account)
    if content_type == "application/json" or (content_type.endswith("+json") and not content_type.startswith("image/")):
        return _from_json(await _read(request, limits.body_bytes, "request", account), limits)
    # Whatever else it calls itself (curl says application/x-www-form-urlencoded): the bytes tell what it is.
    data = await _read(request, limits.image_bytes, "image", account)
    if not data:
        raise ImageMissing(NOTHING)
    return Sources([Upload(data)], several=False)


async def _stream(request: Request, limit: int, what: str, account: Account) -> AsyncIterator[bytes]:
    too_large = ImageTooLarge(f"The {what} is larger than {limit >> 20} MiB.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise too_large
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > limit:
            raise too_large
        account.take(len(chunk))
        yield chunk


async def _read(request: Request, limit: int, what: str, account: Account) -> bytes:
    return b"".join([chunk async for chunk in _stream(request, limit, what, account)])


class _Parser(MultiPartParser):
    """Starlette's parser, stopped as soon as one part is too large."""

    def __init__(self, request: Request, stream: AsyncIterator[bytes], limits: LimitArguments) -> None:
        super().__init__(request.headers, self._whole(stream), max_files=limits.images, max_fields=8)  # type: ignore[arg-type]
        self._limit = limits.image_bytes
        self._part_size = 0
        self._ended = False

    def on_part_begin(self) -> None:
        self._part_size = 0
        super().on_part_begin()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._part_size += end - start
        if self._part_size > self._limit:
            raise ImageTooLarge(f"An image is larger than {self._limit >> 20} MiB.")
        super().on_part_data(data, start, end)

    def on_headers_finished(self) -> None:
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        if part.content_disposition and options.get(b"name") == b"file" and b"filename" not in options:
            # Without a file name it would be taken for text; an image it is all the same.
            part.content_disposition += b'; filename="image"'
        super().on_headers_finished()

    def on_end(self) -> None:
        self._ended = True

    async def _whole(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in stream:
            yield chunk
        if not self._ended:
            raise MultiPartException("it ends before its closing boundary.")


async def _multipart(request: Request, limits: LimitArguments, account: Account) -> Sources:
    stream = _stream(request, limits.body_bytes, "request", account)
    try:
        form = await _Parser(request, stream, limits).parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise TooManyImages(f"A request may bring {limits.images} images; send the others in another.") from None
        raise MalformedBody(f"The multipart body cannot be read: {error.message}") from None
    except (MultipartParseError, KeyError, ValueError) as error:
        raise MalformedBody(f"The multipart body cannot be read: {error}") from None
    try:
        files = [value for name, value in form.multi_items() if name == "file" and isinstance(value, UploadFile)]
        others = sorted({name for name, _ in form.multi_items() if name != "file"})
        if others and files:
            raise AmbiguousInput(f"Besides the parts named “file” there is “{others[0]}”; send only one kind.")
        if not files:
            raise ImageMissing(NOTHING)
        items = [await _part(value) for value in files]
    finally:
        await form.close()
    if len(items) == 1 and isinstance(items[0], RaylensError):
        raise items[0]
    return Sources(items, several=len(items) > 1)


async def _part(file: UploadFile) -> Source:
    data = await file.read()
    return Upload(data) if data else ImageMissing("This part is empty; send the bytes of an image.")


def _from_json(body: bytes, limits: LimitArguments) -> Sources:
    if not body:
        raise ImageMissing(NOTHING)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"The body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedBody("The body must be a JSON object.")
    if "images" not in document:
        return Sources([_source(document, limits)], several=False)
    if "image_url" in document or "image_base64" in document:
        raise AmbiguousInput("Send either “images” or one image.")
    return Sources(_several(document["images"], limits), several=True)


def _several(images: Any, limits: LimitArguments) -> list[Source]:  # noqa: ANN401 - what came in is anything
    if not isinstance(images, list):
        raise InvalidParameter("“images” must be a list.")
    if not images:
        raise ImageMissing("“images” is empty.")
    if len(images) > limits.images:
        raise TooManyImages(f"A request may bring {limits.images} images; send the others in another.")
    return [_source_or_error(image, limits) for image in images]


def _source_or_error(image: Any, limits: LimitArguments) -> Source:  # noqa: ANN401
    try:
        return _source(image, limits)
    except RaylensError as error:
        return error


def _source(image: Any, limits: LimitArguments) -> Upload | ImageUrl:  # noqa: ANN401
    if not isinstance(image, dict):
        raise InvalidParameter("An image must be an object with “image_url” or “image_base64”.")
    url, encoded = image.get("image_url"), image.get("image_base64")
    if url is not None and encoded is not None:
        raise AmbiguousInput("Send either “image_url” or “image_base64”.")
    if url is not None:
        if not isinstance(url, str):
            raise InvalidParameter("“image_url” must be a string.")
        if not url:
            raise ImageMissing("“image_url” is empty.")
        return ImageUrl(url)
    if encoded is None or encoded == "":
        raise ImageMissing(NOTHING)
    return Upload(_decoded(encoded, limits))


def _decoded(encoded: Any, limits: LimitArguments) -> bytes:  # noqa: ANN401
    if not isinstance(encoded, str):
        raise InvalidParameter("“image_base64” must be a string.")
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    if len(encoded) * 3 // 4 > limits.image_bytes + 2:
        raise ImageTooLarge(f"The image is larger than {limits.image_mib} MiB.")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter("“image_base64” is not Base64 (RFC 4648, section 4).") from None
