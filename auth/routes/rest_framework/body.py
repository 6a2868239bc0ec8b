"""Parses request bodies: JSON or a form."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final, NoReturn
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from auth.errors import InvalidFields

_MAX_BYTES: Final = 64 << 10
_MAX_FIELDS: Final = 100


@dataclass(frozen=True, slots=True)
class ParsedBody:
    values: dict[str, object]
    is_form: bool = False
    """In a form, an empty value may mean that the field is omitted."""


async def body_of(request: Request) -> ParsedBody:
    """Raises HTTPException for a body that cannot be parsed, InvalidFields if it is not a JSON object."""
    content = await _read(request)
    if not content:
        return ParsedBody({})
    declared = request.headers.get("content-type", "")
    match declared.partition(";")[0].strip().lower():
        case "application/json":
            return ParsedBody(_object(content))
        case "application/x-www-form-urlencoded":
            return ParsedBody(_form(content), is_form=True)
        case "multipart/form-data":
            return ParsedBody(await _multipart(request, content), is_form=True)
    raise HTTPException(415, f'Unsupported media type "{declared}" in request.')


async def _read(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MAX_BYTES:
            raise HTTPException(413, f"The body is larger than {_MAX_BYTES} bytes.")
    return bytes(content)


def _object(content: bytes) -> dict[str, object]:
    try:
        value = json.loads(content.decode(), parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"JSON parse error - {error}") from None
    if value is None:
        raise InvalidFields({"non_field_errors": ["No data provided"]})
    if not isinstance(value, dict):
        message = f"Invalid data. Expected a dictionary, but got {type(value).__name__}."
        raise InvalidFields({"non_field_errors": [message]})
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def _form(content: bytes) -> dict[str, object]:
    """The last value of a repeated field counts."""
    try:
        text = content.decode(errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise HTTPException(400, f"Form parse error - more than {_MAX_FIELDS} fields.") from None


async def _multipart(request: Request, content: bytes) -> dict[str, object]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield content
        yield b""

    if "boundary=" not in request.headers["content-type"]:
        raise HTTPException(400, "Multipart form parse error - Invalid boundary in multipart: None")
    try:
        parser = MultiPartParser(request.headers, stream(), max_files=_MAX_FIELDS, max_fields=_MAX_FIELDS)
        form = await parser.parse()
    except (MultiPartException, ValueError) as error:
        raise HTTPException(400, f"Multipart form parse error - {error}") from None
    values: dict[str, object] = dict(form)
    await form.close()
    return values
