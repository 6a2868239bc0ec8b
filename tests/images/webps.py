"""Writes lossless WebPs bit by bit: structures that no encoder writes (RFC 9649, section 3)."""

_LENGTH_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8)


class _Bits:
    """Bits, the lowest first."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def __call__(self, value: int, size: int) -> None:
        self._pieces.append(f"{value:0{size}b}"[::-1])

    def chunk(self) -> bytes:
        bits = "".join(self._pieces)
        body = int(bits[::-1], 2).to_bytes(-(-len(bits) // 8), "little") + bytes(8)
        return body + bytes(len(body) % 2)


def many_codes(side: int, groups: int) -> bytes:
    """A black picture in blocks of 4 × 4 pixels, with as many groups of prefix codes, each of one symbol."""
    bits = _Bits()
    bits(0x2F, 8)
    bits(side - 1 | side - 1 << 14, 32)
    bits(0, 1)  # no transforms
    bits(0, 1)  # no color cache
    bits(1, 1)
    bits(0, 3)
    bits(0, 1)
    for alphabet in (280, 256):
        _eight_bits(bits, alphabet)
    for _ in range(3):
        _only_zero(bits)
    reverse = [int(f"{value:08b}"[::-1], 2) for value in range(256)]
    for index in range((side // 4) ** 2):
        group = index % groups
        bits(reverse[group & 255] | reverse[group >> 8] << 8, 16)
    for _ in range(5 * groups):
        _only_zero(bits)
    body = bits.chunk()
    data = b"WEBPVP8L" + len(body).to_bytes(4, "little") + body
    return b"RIFF" + len(data).to_bytes(4, "little") + data


def _only_zero(bits: _Bits) -> None:
    bits(1, 4)


def _eight_bits(bits: _Bits, alphabet: int) -> None:
    """A code whose first 256 symbols have 8 bits each."""
    bits(0, 1)
    bits(len(_LENGTH_ORDER) - 4, 4)
    for length in _LENGTH_ORDER:
        bits(1 if length in (0, 8) else 0, 3)
    bits(0, 1)
    for symbol in range(alphabet):
        bits(1 if symbol < 256 else 0, 1)
