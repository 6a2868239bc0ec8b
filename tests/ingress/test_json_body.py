"""JSON is limited while it arrives, and long strings are kept apart from it."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.errors import BodyTooComplex, MalformedBody
from serve_app.ingress.json_body import LONG_STRING_BYTES, MAX_ELEMENTS, MAX_REST_BYTES, JsonBody

MAX_STRING = 1 << 20
PIECE = 64 << 10
LONG = "A" * (LONG_STRING_BYTES + 1)


def parsed(content: bytes, piece_size: int = PIECE) -> tuple[Any, JsonBody]:
    body = JsonBody(MAX_STRING)
    for start in range(0, len(content), piece_size):
        body.feed(content[start : start + piece_size])
    return body.parse(), body


def feed(body: JsonBody, element: bytes, size: int) -> None:
    for _ in range(size // PIECE):
        body.feed(element * (PIECE // len(element)))


def with_long_strings(document: Any, body: JsonBody) -> Any:
    """The document as the standard library would parse it."""
    if isinstance(document, dict):
        return {key: with_long_strings(value, body) for key, value in document.items()}
    if isinstance(document, list):
        return [with_long_strings(value, body) for value in document]
    if isinstance(document, str) and (content := body.take(document)) is not None:
        return json.loads(b'"' + content + b'"')
    return document


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([LONG, LONG + '"', "\\" * 20_000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.integers(1, 40_000), st.booleans())
def test_a_document_is_parsed_in_any_pieces(document: Any, piece_size: int, ascii_only: bool) -> None:
    content = json.dumps(document, ensure_ascii=ascii_only).encode(errors="replace")
    found, body = parsed(content, max(piece_size, len(content) // 200))
    assert with_long_strings(found, body) == json.loads(content)


@pytest.mark.parametrize("piece_size", [1, 2, 3, 7])
def test_strings_may_be_split_anywhere(piece_size: int) -> None:
    content = rb'{"a\"b": "\\", "c": ["\u00e9\\\"", "x"]}'
    assert parsed(content, piece_size)[0] == json.loads(content)


def test_a_string_cannot_pretend_to_be_long() -> None:
    _, body = parsed(json.dumps([LONG, "0", f"{'0' * 32}-0"]).encode())
    assert body.take("0") is None
    assert body.take(f"{'0' * 32}-0") is None


def test_a_string_is_kept_up_to_its_limit() -> None:
    found, body = parsed(b'["' + b"A" * (3 * MAX_STRING) + b'", "after"]')
    assert found[1] == "after"
    assert len(body.take(found[0]) or b"") == MAX_STRING


@pytest.mark.parametrize("element", [b"[],", b"{},", b"0,", b'"",', b'{"":[]},', b"[[]],"])
def test_many_elements_are_rejected_before_more_is_read(element: bytes) -> None:
    body = JsonBody(MAX_STRING)
    body.feed(b"[")
    tracemalloc.start()
    with pytest.raises(BodyTooComplex):
        feed(body, element, 20 * MAX_ELEMENTS * len(element))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * MAX_ELEMENTS * len(element) + 8 * PIECE


@pytest.mark.parametrize("filler", [b" ", b"1", b'"a" '])
def test_everything_but_long_strings_is_limited(filler: bytes) -> None:
    with pytest.raises(BodyTooComplex):
        feed(JsonBody(MAX_STRING), filler, MAX_REST_BYTES + 2 * PIECE)


def test_depth_is_limited() -> None:
    assert parsed(b"[" * 32 + b"]" * 32)
    for nested in (b"[" * 33, b'{"a":' * 33, b"[{" * 17):
        with pytest.raises(BodyTooComplex):
            parsed(nested)


def test_brackets_in_strings_do_not_count() -> None:
    assert parsed(json.dumps(["[" * 10_000, ",{" * 5_000]).encode())


@pytest.mark.parametrize(
    "content", [b"", b"[", b'"', b'"\\', b'["a]', b"]", b"[1" + b"0" * 5000 + b"]", b"\xff", b'{"a": \xff}', b"[}"]
)
def test_malformed_json_is_rejected(content: bytes) -> None:
    with pytest.raises(MalformedBody):
        parsed(content)
