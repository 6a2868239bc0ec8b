"""Export of all classifications of a user as one file, streamed page by page."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal

from pydantic_core import to_json

Format = Literal["json", "csv"]
_Item = dict[str, Any]
"""A classification as JSON."""

_COLUMNS: Final = (
    *("id", "created_at", "image_url", "sha256", "format", "width", "height", "model", "model_version"),
    *("label", "wnid", "probability", "cached", "total_ms"),
)
"""Columns of the CSV, which has only the most probable class."""

CONTENT: Final[dict[str, Any]] = {
    "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Classification"}}},
    "text/csv": {"schema": {"type": "string"}, "example": ",".join(_COLUMNS)},
}
MEDIA_TYPES: Final[dict[Format, str]] = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


async def pages(first: list[_Item], read: Callable[[], Awaitable[list[_Item]]]) -> AsyncIterator[list[_Item]]:
    """Pages of items, each read after the previous one was sent; an empty page is the end."""
    page = first
    while page:
        yield page
        page = await read()


def serialize(export_format: Format, items: AsyncIterator[list[_Item]]) -> AsyncIterator[bytes]:
    """The bytes of the file."""
    return _json(items) if export_format == "json" else _csv(items)


async def _json(items: AsyncIterator[list[_Item]]) -> AsyncIterator[bytes]:
    between = b"["
    async for page in items:
        yield between + b",\n".join(map(to_json, page))
        between = b",\n"
    yield b"[]" if between == b"[" else b"]"


async def _csv(items: AsyncIterator[list[_Item]]) -> AsyncIterator[bytes]:
    yield _rows([_COLUMNS])
    async for page in items:
        yield _rows(map(_row, page))


def _rows(rows: Any) -> bytes:  # noqa: ANN401 - any rows that csv accepts
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _row(item: _Item) -> tuple[Any, ...]:
    image, model, best = item["image"], item["model"], item["predictions"][0]
    return (
        *(item["id"], item["created_at"], image.get("url", "")),
        *(image["sha256"], image["format"], image["width"], image["height"], model["name"], model["version"]),
        *(best["label"], best["wnid"], best["probability"], item["cached"], item["timings_ms"]["total"]),
    )
