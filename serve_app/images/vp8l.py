"""Reads how many groups of prefix codes a lossless WebP has: libwebp keeps tables of 6 to 12 KB for each.

65,536 groups fit into 300 KB, and take 380 MB. Their number follows transforms, whose own pictures are skipped here.
Names are those of the WebP Lossless Bitstream Specification (RFC 9649, section 3).
"""

import math
from typing import Final, NamedTuple

MAX_GROUPS: Final = 65_536

MAX_SYMBOLS: Final = 100_000
"""Symbols of a file that are skipped, some 0.1 s; after that the largest possible number of groups is assumed. Encoders
write few."""

_GROUP_BYTES: Final = 640
_ENTRIES: Final = 2_954
"""Entries of the tables of a group, without those of the color cache."""

_ENTRY_BYTES: Final = 4
_BYTES_PER_BYTE: Final = 2_560
"""Memory for tables per byte of the file: the shortest code takes 4 bits, and a table of 256 entries."""

_HEADER_BYTES: Final = 5
_PREDICTOR, _CROSS_COLOUR, _SUBTRACT_GREEN, _INDEXING = range(4)
_LITERALS, _LENGTHS, _DISTANCES = 256, 24, 40
_LENGTH_ORDER: Final = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_REPEATS: Final = {16: (3, 2), 17: (3, 3), 18: (11, 7)}
"""By symbol of the code of lengths: least repeats, and bits of further ones."""

_Code = dict[int, int] | int
"""Symbols by code with a leading one, or the only symbol."""


class _Uncertain(Exception):
    """The bitstream is damaged, or has too many symbols."""


class _Groups(NamedTuple):
    number: int
    cache: int
    """Entries of the color cache."""


class SymbolBudget:
    """The symbols of a file that are skipped."""

    def __init__(self) -> None:
        self._left = MAX_SYMBOLS

    def take(self) -> None:
        """:raises _Uncertain: there are none left."""
        self._left -= 1
        if self._left < 0:
            raise _Uncertain


def code_bytes(data: bytes | memoryview, size: tuple[int, int], symbols: SymbolBudget, *, alpha: bool = False) -> int:
    """Memory for the prefix codes of a chunk ``VP8L``, or of a compressed chunk ``ALPH`` of a picture of ``size``."""
    blocks = math.ceil(size[0] / 4) * math.ceil(size[1] / 4)
    try:
        groups = _Reader(data[1 if alpha else _HEADER_BYTES :], symbols).groups(*size)
    except _Uncertain:
        groups = _Groups(blocks, 2**11)
    number = min(groups.number, MAX_GROUPS)
    tables = number * _ENTRY_BYTES * (_ENTRIES + groups.cache)
    return number * _GROUP_BYTES + min(tables, _BYTES_PER_BYTE * len(data))


class _Reader:
    """Reads bits, the lowest first."""

    def __init__(self, data: bytes | memoryview, symbols: SymbolBudget) -> None:
        self._data = data
        self._at = 0
        self._value = 1
        """The bits that are read already, with a leading one."""
        self._symbols = symbols

    def groups(self, width: int, height: int) -> _Groups:
        """:raises _Uncertain: it cannot be told."""
        while self._bits(1):
            kind = self._bits(2)
            if kind in (_PREDICTOR, _CROSS_COLOUR):
                block = 1 << self._bits(3) + 2
                self._skip_picture(math.ceil(width / block) * math.ceil(height / block))
            elif kind == _INDEXING:
                colours = self._bits(8) + 1
                self._skip_picture(colours)
                width = math.ceil(width / (8 if colours <= 2 else 4 if colours <= 4 else 2 if colours <= 16 else 1))
        cache = 1 << self._bits(4) if self._bits(1) else 0
        if not self._bits(1):
            return _Groups(1, cache)
        block = 1 << self._bits(3) + 2
        return _Groups(math.ceil(width / block) * math.ceil(height / block), cache)

    def _bits(self, size: int) -> int:
        while self._value.bit_length() <= size:
            piece = bytes(self._data[self._at : self._at + 8])
            if not piece:
                raise _Uncertain
            self._at += len(piece)
            known = self._value.bit_length() - 1
            self._value += ((int.from_bytes(piece, "little") | 1 << 8 * len(piece)) - 1) << known
        found = self._value & ((1 << size) - 1)
        self._value >>= size
        return found

    def _symbol(self, code: _Code) -> int:
        self._symbols.take()
        if isinstance(code, int):
            return code
        prefix = 1
        for _ in range(15):
            prefix = prefix << 1 | self._bits(1)
            if prefix in code:
                return code[prefix]
        raise _Uncertain

    def _skip_picture(self, pixels: int) -> None:
        """Skip a picture that has one group of codes (5.2)."""
        cache = 1 << self._bits(4) if self._bits(1) else 0
        green, red, blue, alpha, distance = (
            self._code(size) for size in (_LITERALS + _LENGTHS + cache, _LITERALS, _LITERALS, _LITERALS, _DISTANCES)
        )
        while pixels > 0:
            symbol = self._symbol(green)
            pixels -= 1
            if symbol < _LITERALS:
                for code in (red, blue, alpha):
                    self._symbol(code)
            elif symbol < _LITERALS + _LENGTHS:
                pixels -= self._length(symbol - _LITERALS) - 1
                self._length(self._symbol(distance))

    def _length(self, symbol: int) -> int:
        if symbol < 4:
            return symbol + 1
        further = (symbol - 2) >> 1
        return ((2 + (symbol & 1)) << further) + self._bits(further) + 1

    def _code(self, alphabet: int) -> _Code:
        if self._bits(1):
            count = self._bits(1) + 1
            first = self._bits(8 if self._bits(1) else 1)
            return first if count == 1 else _canonical({first: 1, self._bits(8): 1})
        order = _LENGTH_ORDER[: self._bits(4) + 4]
        of_lengths = _canonical({symbol: length for symbol in order if (length := self._bits(3))})
        tokens = 2 + self._bits(2 + 2 * self._bits(3)) if self._bits(1) else alphabet
        lengths: dict[int, int] = {}
        symbol, previous = 0, 8
        while symbol < alphabet and tokens > 0:
            tokens -= 1
            length = self._symbol(of_lengths)
            if length < 16:
                lengths[symbol] = length
                previous = length or previous
                symbol += 1
                continue
            least, size = _REPEATS[length]
            end = symbol + least + self._bits(size)
            if length == 16:
                lengths.update(dict.fromkeys(range(symbol, end), previous))
            symbol = end
        return _canonical({symbol: length for symbol, length in lengths.items() if length})


def _canonical(lengths: dict[int, int]) -> _Code:
    """The canonical prefix code of these lengths."""
    if not lengths:
        raise _Uncertain
    if len(lengths) == 1:
        return next(iter(lengths))
    code, previous, codes = 0, 0, {}
    for length, symbol in sorted((length, symbol) for symbol, length in lengths.items()):
        code <<= length - previous
        codes[1 << length | code] = symbol
        code, previous = code + 1, length
    return codes
