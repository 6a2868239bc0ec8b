"""JSON bodies with images in Base64, limited before they are parsed.

A megabyte of ``[],[],…`` becomes 30 MB of Python objects, and parsing 100 MB blocks the process for seconds. Images are
long strings, of which the parser need not know. So a scan of the arriving bytes keeps long strings apart; the rest is
small for every honest request, and a request in which it is not is rejected before more of it is read.
"""

import json
import re
import secrets
from typing import Any, Final

from serve_app.errors import BodyTooComplex, MalformedBody

LONG_STRING_BYTES: Final = 16 << 10
"""Longer strings are kept apart."""
MAX_REST_BYTES: Final = 1152 << 10
"""For everything but long strings: 64 images, of which each just is not long, and their keys."""
_CHUNK_BYTES: Final = 64 << 10
"""Strings are kept in chunks of about this size: one array would be copied nine times while it grows."""
MAX_ELEMENTS: Final = 4_000
MAX_DEPTH: Final = 32
_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_OPENING, _CLOSING = b"[{", b"]}"
_NO_BRACKET: Final = bytes(set(range(256)) - set(_OPENING + _CLOSING))


class JsonBody:
    """One document, fed in pieces."""

    def __init__(self, max_string_bytes: int) -> None:
        """Of a string that is longer than ``max_string_bytes``, only the beginning is kept."""
        self._max_string_bytes = max_string_bytes
        self._rest = bytearray()
        self._long: dict[str, bytearray] = {}
        self._mark = secrets.token_hex(16)  # no string of a client is taken for a long one
        self._string: list[bytearray] | None = None
        self._string_bytes = 0
        self._ends_in_escape = False
        self._elements = 0
        self._depth = 0

    @property
    def is_empty(self) -> bool:
        return not self._rest and self._string is None

    def feed(self, piece: bytes) -> None:
        """Raises BodyTooComplex or MalformedBody."""
        position = 0
        while position < len(piece):
            scan = self._scan_structure if self._string is None else self._scan_string
            position = scan(piece, position)
            if len(self._rest) > MAX_REST_BYTES:
                raise BodyTooComplex(f"The JSON has more than {MAX_REST_BYTES >> 10} KiB besides images.")

    def parse(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The document; instead of a long string it has a name for :meth:`take`. Raises MalformedBody."""
        if self._string is not None:
            raise MalformedBody("The body is not valid JSON: a string does not end.")
        try:
            return json.loads(self._rest.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise MalformedBody(f"The body is not valid JSON: {error}") from None

    def take(self, name: str) -> bytearray | None:
        """The content of a long string as it was sent, with its escapes. None if ``name`` is an ordinary string."""
        return self._long.pop(name, None)

    def _scan_structure(self, piece: bytes, start: int) -> int:
        quote = piece.find(b'"', start)
        end = len(piece) if quote < 0 else quote
        structure = piece[start:end]
        self._rest += structure
        self._elements += structure.count(b",") + structure.count(b"[") + structure.count(b"{") + (quote >= 0)
        if self._elements > MAX_ELEMENTS:
            raise BodyTooComplex(f"The JSON has more than {MAX_ELEMENTS:,} elements.")
        for bracket in structure.translate(None, _NO_BRACKET):
            self._depth += 1 if bracket in _OPENING else -1
            if self._depth > MAX_DEPTH:
                raise BodyTooComplex(f"The JSON is nested more than {MAX_DEPTH} levels deep.")
            if self._depth < 0:
                raise MalformedBody("The body is not valid JSON: a bracket closes nothing.")
        if quote < 0:
            return end
        self._string, self._string_bytes = [bytearray()], 0
        return quote + 1

    def _scan_string(self, piece: bytes, start: int) -> int:
        unescaped = start + self._ends_in_escape
        end = _end_of_string(piece, unescaped)
        self._ends_in_escape = piece[end : end + 1] == b"\\"  # the last byte of the piece
        is_complete = not self._ends_in_escape and end < len(piece)
        room = self._max_string_bytes - self._string_bytes
        if room > 0:
            self._keep(piece[start : min(end + self._ends_in_escape, start + room)])
        if not is_complete:
            return len(piece)
        self._end_string()
        return end + 1

    def _keep(self, content: bytes) -> None:
        assert self._string is not None  # noqa: S101 - for the type checker
        if len(self._string[-1]) >= _CHUNK_BYTES:
            self._string.append(bytearray())
        self._string[-1] += content
        self._string_bytes += len(content)

    def _end_string(self) -> None:
        assert self._string is not None  # noqa: S101 - for the type checker
        content, self._string = bytearray().join(self._string), None
        if len(content) > LONG_STRING_BYTES:
            name = f"{self._mark}-{len(self._long)}"
            self._long[name] = content
            content = bytearray(name.encode())
        self._rest += b'"' + content + b'"'


def _end_of_string(piece: bytes, start: int) -> int:
    """The index of the quote that ends the string, of a backslash at the end of ``piece``, or the length."""
    quote = piece.find(b'"', start)
    end = len(piece) if quote < 0 else quote
    if piece.find(b"\\", start, end) < 0:  # several times as fast as the regular expression
        return end
    match = _STRING.match(piece, start)
    return match.end() if match else start
