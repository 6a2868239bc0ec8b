"""Converts the decoded bytes of a TIFF to a picture of 8 bits per channel.

Works on bands of rows, because samples of 16 bits and more take several times the memory of the picture.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.arrays import UInt8Array
from serve_app.images import tiff_layout as layouts
from serve_app.images.stored_picture import damaged, unsupported
from serve_app.images.tiff_layout import TiffLayout

_BAND_SAMPLES: Final = 2**19
"""Samples that are converted at once, if they are more than a row."""

_SAMPLE_BYTES: Final = 48
"""Memory per sample of a band: bytes, numbers, floating-point numbers, colors."""

_GREY: Final = (layouts.WHITE_IS_ZERO, layouts.BLACK_IS_ZERO)
_USUAL_SCALES: Final = (255.0, 65535.0)

_REVERSED: Final = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)[:, ::-1])

Samples = npt.NDArray[Any]


def picture_of(planes: list[Image.Image], layout: TiffLayout, colour_map: Sequence[int]) -> Image.Image:
    """The picture, in mode ``L``, ``RGB`` or ``RGBA``. ``planes`` hold the bytes of the samples, and are given up.

    :raises CorruptImage: the palette is too short.
    :raises UnsupportedImage: it is uncertain which value is white.
    """
    white = _white(planes, layout)
    palette = _palette(colour_map, layout.bits) if layout.colour == layouts.PALETTE else None
    bands = (_converted(samples, layout, white, palette) for samples in _bands(planes, layout))
    first = next(bands)
    picture, top = np.empty((layout.height, *first.shape[1:]), np.uint8), 0
    for band in chain((first,), bands):
        # Tiles may end below the picture, so that the last bands are partly or wholly outside of it.
        picture[top : top + len(band)] = band[: max(0, layout.height - top)]
        top += len(band)
    planes.clear()
    return Image.fromarray(picture)


def samples_bytes(layout: TiffLayout) -> int:
    """Memory for :func:`picture_of`, besides that of the planes: for a band and an array of the picture."""
    channels = 1 if layout.colour in _GREY else 3
    channels = channels if layout.alpha is None else 4
    row = layout.padded[0] * layout.samples * layout.subsampling[1]
    band = min(max(_BAND_SAMPLES, row), row * layout.padded[1])
    return channels * layout.width * layout.height + _SAMPLE_BYTES * band


def _bands(planes: list[Image.Image], layout: TiffLayout) -> Iterator[Samples]:
    """Samples (rows, W, S) of bands of rows, from the top."""
    columns, rows = planes[0].size
    step = max(1, _BAND_SAMPLES // (layout.padded[0] * layout.samples * layout.subsampling[1]))
    for top in range(0, rows, step):
        box = (0, top, columns, min(top + step, rows))
        parts = [_samples(np.asarray(plane.crop(box)), layout) for plane in planes]
        yield parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def _samples(pixels: UInt8Array, layout: TiffLayout) -> Samples:
    """Samples (rows, W, S) of the bytes of one plane."""
    values = pixels.reshape(len(pixels), -1)
    if layout.reversed_bits and layout.codec == layouts.RAW:
        values = _REVERSED[values]
    if layout.subsampling != (1, 1):
        return _upsampled(values, layout)
    width, samples = layout.padded[0], layout.samples // layout.planes
    tiles = layout.blocks[0] if layout.tiled else 1
    if layout.bits % 8:
        unpacked = _unpacked(values, width * samples, layout.bits)
    else:
        unpacked = _viewed(values, layout, tiles, samples)
    return unpacked.reshape(len(values), width, samples)[:, : layout.width]


def _viewed(values: UInt8Array, layout: TiffLayout, tiles: int, samples: int) -> Samples:
    """The bytes as numbers, without the predictor, which starts anew in each tile."""
    size = layout.bits // 8
    kind = {layouts.UNSIGNED: "u", layouts.SIGNED: "i", layouts.FLOAT: "f"}[layout.kind]
    rows = len(values)
    if layout.predictor == 3:
        differences = np.ascontiguousarray(values).reshape(rows, tiles, -1, samples)
        spread = np.cumsum(differences, axis=2, dtype=np.uint8).reshape(rows, tiles, size, -1)
        return np.ascontiguousarray(spread.swapaxes(2, 3)).view(f">f{size}")
    numbers = np.ascontiguousarray(values).view(f"{layout.order}u{size}")
    numbers = numbers.astype(f"=u{size}", copy=False)
    if layout.predictor == 2 and not layout.predictor_is_decoded:
        numbers = np.cumsum(numbers.reshape(rows, tiles, -1, samples), axis=2, dtype=numbers.dtype)
    return numbers.view(f"=f{size}" if kind == "f" else f"=i{size}" if kind == "i" else numbers.dtype)


def _unpacked(values: UInt8Array, count: int, bits: int) -> Samples:
    """Numbers (rows, count) of packed bits, the highest first."""
    flat = np.unpackbits(values, axis=1, count=count * bits).reshape(len(values), count, bits)
    numbers = np.zeros(flat.shape[:2], np.uint8 if bits < 8 else np.uint16)
    for bit in range(bits):
        numbers <<= 1
        numbers |= flat[:, :, bit]
    return numbers


def _upsampled(values: UInt8Array, layout: TiffLayout) -> Samples:
    """YCbCr (rows, W, 3) of blocks of several Y, one Cb and one Cr."""
    across, down = layout.subsampling
    blocks = values.reshape(len(values), -1, across * down + 2)
    rows, columns = blocks.shape[:2]
    light = blocks[..., :-2].reshape(rows, columns, down, across).swapaxes(1, 2).reshape(rows * down, columns * across)
    colours = np.repeat(np.repeat(blocks[..., -2:], down, axis=0), across, axis=1)
    return np.concatenate((light[..., None], colours), axis=2)[:, : layout.width]


def _white(planes: list[Image.Image], layout: TiffLayout) -> float | None:
    """The value of white where the format defines none: the smallest usual full scale that holds all samples.

    A picture that uses less than that scale would be black. None if the depth defines white.

    :raises UnsupportedImage: samples are negative or exceed every usual scale.
    """
    if layout.kind == layouts.UNSIGNED and layout.bits <= 16:
        return None
    low, high = 0.0, 0.0
    for samples in _bands(planes, layout):
        numbers = _numbers(samples[..., : layout.colours])
        low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    scales = (1.0, *_USUAL_SCALES) if layout.kind == layouts.FLOAT else (*_USUAL_SCALES, _full_scale(layout))
    white = next((scale for scale in scales if low >= 0 and high <= scale), None)
    if white is None:
        name = "floating-point" if layout.kind == layouts.FLOAT else "signed"
        raise unsupported(f"TIFF with {name} samples {'below 0' if low < 0 else 'above 65,535'}")
    return white


def _full_scale(layout: TiffLayout) -> float:
    return {layouts.FLOAT: 1.0, layouts.SIGNED: 2.0 ** (layout.bits - 1)}.get(layout.kind, 2.0**layout.bits)


def _numbers(samples: Samples) -> npt.NDArray[np.floating]:
    """As floating-point numbers; what is not a number is 0."""
    with np.errstate(invalid="ignore"):  # signaling NaNs
        numbers: npt.NDArray[np.floating] = samples.astype(np.float32 if samples.dtype.itemsize <= 2 else np.float64)
    numbers[np.isnan(numbers)] = 0.0
    return numbers


def _converted(samples: Samples, layout: TiffLayout, white: float | None, palette: UInt8Array | None) -> UInt8Array:
    """uint8 (rows, W), (rows, W, 3) or (rows, W, 4) of a band."""
    colour = samples[..., : layout.colours]
    if palette is not None:
        values = palette[colour[..., 0]]
    else:
        values = _in_rgb(_eight_bits(colour, layout, white), layout.colour)
    if layout.alpha is None or (layout.associated and layout.colour == layouts.CMYK):
        return values if values.shape[2] == 3 else values[..., 0]
    alpha = _opacity(samples[..., layout.alpha, None], layout)
    values = np.broadcast_to(values, (*values.shape[:2], 3))
    if layout.associated:
        background = 255 - alpha
        return np.minimum(values, alpha) + background
    return np.concatenate((values, alpha), axis=2)


def _eight_bits(samples: Samples, layout: TiffLayout, white: float | None) -> UInt8Array:
    if white is not None:
        numbers = _numbers(samples)
        numbers *= 255.0 / white
        numbers += 0.5
        return np.clip(numbers, 0, 255, out=numbers).astype(np.uint8)
    if layout.bits == 8:
        return samples
    if layout.bits > 8:
        return (samples >> (layout.bits - 8)).astype(np.uint8)
    levels: UInt8Array = (np.arange(2**layout.bits) * 255 // (2**layout.bits - 1)).astype(np.uint8)
    return levels[samples]


def _opacity(alpha: Samples, layout: TiffLayout) -> UInt8Array:
    if layout.kind == layouts.UNSIGNED and layout.bits <= 16:
        return _eight_bits(alpha, layout, None)
    return _eight_bits(alpha, layout, _full_scale(layout))


def _in_rgb(values: UInt8Array, colour: int) -> UInt8Array:
    if colour == layouts.WHITE_IS_ZERO:
        return 255 - values
    mode = {layouts.CMYK: "CMYK", layouts.YCBCR: "YCbCr", layouts.LAB: "LAB"}.get(colour)
    if mode is None:
        return values
    size = (values.shape[1], values.shape[0])
    return np.asarray(Image.frombytes(mode, size, np.ascontiguousarray(values).tobytes(), "raw", mode).convert("RGB"))


def _palette(colour_map: Sequence[int], bits: int) -> UInt8Array:
    """uint8 (2 ** bits, 3). Some programs write values of 8 bits instead of 16."""
    if len(colour_map) < 3 * 2**bits:
        raise damaged("TIFF", "its palette is incomplete")
    channels = np.array(colour_map[: 3 * 2**bits]).reshape(3, -1).T
    return (channels >> 8 if channels.max() > 255 else channels).astype(np.uint8)
