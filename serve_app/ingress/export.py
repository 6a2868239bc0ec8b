"""All of a user's classifications as one file, written while they are read: none but a page's is in memory."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal

from pydantic_core import to_json

Format = Literal["json", "csv"]
Item = dict[str, Any]
"""A classification as the API tells it."""

COLUMNS: Final = (
    *("id", "created_at", "image_url", "sha256", "format", "width", "height", "model", "model_version"),
    *("label", "wnid", "probability", "cached", "total_ms"),
)
"""Of the CSV, which has the most probable class alone."""

CONTENT: Final[dict[str, Any]] = {
    "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Classification"}}},
    "text/csv": {"schema": {"type": "string"}, "example": ",".join(COLUMNS)},
}
MEDIA_TYPES: Final[dict[Format, str]] = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


async def pages(first: list[Item], read: Callable[[], Awaitable[list[Item]]]) -> AsyncIterator[list[Item]]:
    """A page after the other, each read when the one before is sent; an empty one is the end."""
    page = first
    while page:
        yield page
        page = await read()


def written(export_format: Format, items: AsyncIterator[list[Item]]) -> AsyncIterator[bytes]:
    return _json(items) if export_format == "json" else _csv(items)


async def _json(items: AsyncIterator[list[Item]]) -> AsyncIterator[bytes]:
    between = b"["
    async for page in items:
        yield between + b",\n".join(map(to_json, page))
        between = b",\n"
    yield b"[]" if between == b"[" else b"]"


async def _csv(items: AsyncIterator[list[Item]]) -> AsyncIterator[bytes]:
    yield _rows([COLUMNS])
    async for page in items:
        yield _rows(map(_row, page))


def _rows(rows: Any) -> bytes:  # noqa: ANN401 - whatever csv takes
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _row(item: Item) -> tuple[Any, ...]:
    image, model, best = item["image"], item["model"], item["predictions"][0]
    return (
        *(item["id"], item["created_at"], image.get("url", "")),
        *(image["sha256"], image["format"], image["width"], image["height"], model["name"], model["version"]),
        *(best["label"], best["wnid"], best["probability"], item["cached"], item["timings_ms"]["total"]),
    )
