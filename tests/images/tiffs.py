"""Writes TIFFs byte by byte: layouts that no library writes."""

import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

Values = tuple[int, ...]

_SHORT = frozenset((258, 259, 262, 266, 277, 284, 317, 320, 330, 338, 339, 530))
_LONG8 = frozenset((273, 279, 324, 325))


def pack_tiff(
    samples: np.ndarray,
    bits: int,
    photometric: int,
    *,
    order: str = "<",
    big: bool = False,
    planar: bool = False,
    tile: tuple[int, int] | None = None,
    rows: int | None = None,
    deflate: bool = False,
    predictor: int = 1,
    reverse: bool = False,
    tags: Mapping[int, int | Values] | None = None,
) -> bytes:
    """A TIFF of samples (H, W, S), whose dtype gives the sample format. ``rows`` is the height of a strip."""
    height, width, number = samples.shape
    across, down = tile or (width, rows or height)
    planes = np.split(samples, number, axis=2) if planar else [samples]
    blocks = [
        _encoded(block, bits, order, predictor, deflate=deflate, reverse=reverse)
        for plane in planes
        for block in _blocks(plane, across, down, tile is not None)
    ]
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    fields = {256: width, 257: height, 259: 8 if deflate else 1, 262: photometric, 266: 2 if reverse else 1}
    fields |= {277: number, 284: 2 if planar else 1, 317: predictor}
    fields |= {322: across, 323: down} if tile else {278: down}
    numbers = {258: (bits,) * number, 339: (kind,) * number, **{tag: (value,) for tag, value in fields.items()}}
    numbers |= {tag: value if isinstance(value, tuple) else (value,) for tag, value in (tags or {}).items()}
    return write_directory(numbers, blocks, order=order, big=big, tiled=tile is not None)


def write_directory(
    fields: dict[int, Values], blocks: list[bytes], *, order: str = "<", big: bool = False, tiled: bool = False
) -> bytes:
    """A TIFF of encoded ``blocks`` with the numbers of ``fields``, before which the blocks lie."""
    start = 16 if big else 8
    offsets = tuple(start + sum(map(len, blocks[:index])) for index in range(len(blocks)))
    fields = {324 if tiled else 273: offsets, 325 if tiled else 279: tuple(map(len, blocks))} | fields
    data = b"".join(blocks)
    data += bytes(len(data) % 2)
    at = start + len(data)
    entry, room, pointer = ("HHQ", 8, "Q") if big else ("HHI", 4, "I")
    table, values = b"", b""
    beyond = (
        at + struct.calcsize(f"={'Q' if big else 'H'}") + len(fields) * (struct.calcsize(f"={entry}") + room) + room
    )
    for tag, numbers in sorted(fields.items()):
        code, kind = (
            ("H", 3) if tag in _SHORT else ("B", 7) if tag == 347 else ("Q", 16) if big and tag in _LONG8 else ("I", 4)
        )
        body = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        field = body.ljust(room, b"\0") if len(body) <= room else struct.pack(order + pointer, beyond + len(values))
        values += (body + bytes(len(body) % 2)) if len(body) > room else b""
        table += struct.pack(order + entry, tag, kind, len(numbers)) + field
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(f"{order}HHHQ", 43, 8, 0, at) if big else struct.pack(f"{order}HI", 42, at)
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(fields))
    return mark + head + data + count + table + bytes(room) + values


def _blocks(plane: np.ndarray, across: int, down: int, tiled: bool) -> Iterator[np.ndarray]:
    height, width, _ = plane.shape
    for top in range(0, height, down):
        for left in range(0, width, across):
            block = plane[top : top + down, left : left + across]
            if tiled:
                padding = ((0, down - block.shape[0]), (0, across - block.shape[1]), (0, 0))
                block = np.pad(block, padding, mode="edge")
            yield block


def _encoded(block: np.ndarray, bits: int, order: str, predictor: int, *, deflate: bool, reverse: bool) -> bytes:
    raw = _packed(block, bits, order, predictor)
    raw = zlib.compress(raw) if deflate else raw
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in raw) if reverse else raw


def _packed(block: np.ndarray, bits: int, order: str, predictor: int) -> bytes:
    if bits % 8:
        places = np.arange(bits - 1, -1, -1)
        flat = (block.reshape(len(block), -1, 1).astype(np.uint32) >> places) & 1
        return np.packbits(flat.astype(np.uint8).reshape(len(block), -1), axis=1).tobytes()
    size = bits // 8
    if predictor == 2:
        numbers: np.ndarray = block.astype(f"<{block.dtype.kind}{size}").view(f"<u{size}")
        differences = numbers.copy()
        differences[:, 1:] -= numbers[:, :-1]
        return differences.astype(f"{order}u{size}").tobytes()
    if predictor == 3:
        highest_first = block.astype(f">f{size}").view(np.uint8).reshape(len(block), -1, size)
        split = np.ascontiguousarray(highest_first.swapaxes(1, 2)).reshape(len(block), -1)
        step = block.shape[2]
        differences = split.copy()
        differences[:, step:] -= split[:, :-step]
        return differences.tobytes()
    return block.astype(f"{order}{block.dtype.kind}{size}").tobytes()


def deepened(values: np.ndarray, bits: int, kind: str = "u") -> np.ndarray:
    """Samples of 8 bits as unsigned ones of ``bits``, or as floating-point from 0 to 1."""
    if kind == "f":
        return (values / 255).astype(f"f{bits // 8}")
    wide = values.astype(np.uint64)
    wide = wide >> np.uint64(8 - bits) if bits < 8 else wide << np.uint64(bits - 8)
    return wide.astype(f"u{next(size for size in (1, 2, 4, 8) if 8 * size >= bits)}")
