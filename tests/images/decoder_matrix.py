"""Pictures in many variants, by several encoders, with the pixels that each should have."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tests.images.pictures import encode, photo
from tests.images.tiffs import deepened, pack_tiff

SIZE = (70, 45)
RGB = np.asarray(photo(*SIZE))
GREY = np.asarray(photo(*SIZE).convert("L"))[..., None]
ALPHA = np.broadcast_to(np.repeat(np.array([0, 128, 255], np.uint8), (23, 23, 24))[None, :, None], (45, 70, 1))
CMYK = np.asarray(photo(*SIZE).convert("CMYK"))


class Cell(NamedTuple):
    """A file and what is known about it.

    ``expected`` are the pixels, if they are known from the source; ``differs`` says why ImageMagick shows others.
    """

    name: str
    data: bytes
    expected: np.ndarray | None = None
    differs: str = ""


def cells(folder: Path) -> list[Cell]:
    """Needs ImageMagick and the tools of libtiff."""
    tiffs = list(_tiffs())
    return [*tiffs, *_copied_tiffs(tiffs, folder), *_of_pillow(), *_of_imagemagick(folder)]


def _tiffs() -> Iterator[Cell]:
    for order in "<>":
        for bits in (1, 2, 4, 8, 12, 16, 32):
            grey, rgb = _shown(GREY, bits), _shown(RGB, bits)
            quirk = "ignores that white is zero" if bits not in (1, 8, 16) else ""
            yield _tiff(f"grey {bits}", deepened(GREY, bits), bits, 1, grey, order=order)
            yield _tiff(f"white is zero {bits}", deepened(GREY, bits), bits, 0, 255 - grey, differs=quirk, order=order)
            if bits > 1:
                yield _tiff(f"RGB {bits}", deepened(RGB, bits), bits, 2, rgb, order=order)
        for bits in (16, 32, 64):
            yield _tiff(f"floating-point grey {bits}", deepened(GREY, bits, "f"), bits, 1, GREY, order=order)
            yield _tiff(f"floating-point RGB {bits}", deepened(RGB, bits, "f"), bits, 2, RGB, order=order)
        for bits in (8, 16):
            yield from _transparent(bits, order)
        yield _tiff("YCbCr", np.asarray(photo(*SIZE).convert("YCbCr")), 8, 6, RGB, tags={530: (1, 1)}, order=order)
    for bits in (1, 2, 4, 8):
        picture = photo(*SIZE).quantize(2**bits, dither=Image.Dither.NONE)
        colours = np.array((picture.getpalette() or [])[: 3 * 2**bits]).reshape(-1, 3)
        table = np.pad(colours, ((0, 2**bits - len(colours)), (0, 0))).T.ravel()
        indices, pixels = np.asarray(picture)[..., None], colours[np.asarray(picture)]
        for scale in (1, 257):
            tags = {320: tuple(int(value) * scale for value in table)}
            quirk = "knows only palettes of 16 bits" if scale == 1 else ""
            yield _tiff(f"palette {bits} × {scale}", indices, bits, 3, pixels, differs=quirk, tags=tags)


def _shown(values: np.ndarray, bits: int) -> np.ndarray:
    """Samples of 8 bits after they were stored in ``bits``."""
    return deepened(values, bits) * (255 // (2**bits - 1)) if bits < 8 else values


def _transparent(bits: int, order: str) -> Iterator[Cell]:
    on_white = 255 - (255 - RGB.astype(int)) * ALPHA / 255
    premultiplied = (RGB.astype(int) * ALPHA // 255).astype(np.uint8)
    for name, parts, photometric, extra, expected, quirk in (
        ("alpha", (RGB, ALPHA), 2, 2, on_white, ""),
        ("premultiplied alpha", (premultiplied, ALPHA), 2, 1, on_white, ""),
        ("further sample", (RGB, ALPHA), 2, 0, RGB, "takes any further sample for alpha"),
        ("grey and alpha", (GREY, ALPHA), 1, 2, 255 - (255 - GREY.astype(int)) * ALPHA / 255, ""),
        ("CMYK", (CMYK,), 5, None, RGB, ""),
        ("CMYK and alpha", (CMYK, ALPHA), 5, 2, on_white, ""),
    ):
        samples = deepened(np.concatenate(parts, axis=2), bits)
        tags = {} if extra is None else {338: extra}
        yield _tiff(f"{name} {bits}", samples, bits, photometric, expected, differs=quirk, tags=tags, order=order)


def _tiff(
    name: str,
    samples: np.ndarray,
    bits: int,
    photometric: int,
    expected: np.ndarray,
    *,
    differs: str = "",
    **options: Any,
) -> Cell:
    data = pack_tiff(samples, bits, photometric, **options)
    pixels = np.broadcast_to(expected, (*expected.shape[:2], 3))
    return Cell(f"TIFF {name} {options.get('order', '<')}", data, pixels, differs)


LAYOUTS = [
    *(f"-c {codec}" for codec in ("none", "lzw", "lzw:2", "zip", "zip:2", "packbits", "zstd:2", "lzma")),
    *(
        f"{layout} -c {codec}"
        for codec in ("none", "lzw:2")
        for layout in ("-p separate", "-t -w 16 -l 32", "-r 7 -B -8")
    ),
    *(
        "-p separate -t -w 32 -l 16 -c zip:2",
        "-f lsb2msb -c lzw",
        "-B -8 -t -w 16 -l 16 -c zip:2",
        "-p separate -r 5 -c zstd",
    ),
]
"""Options of tiffcp."""


def _copied_tiffs(tiffs: list[Cell], folder: Path) -> Iterator[Cell]:
    """The same pixels as libtiff writes them, in turn with each of the options that it knows for the layout."""
    source, target = folder / "source.tif", folder / "copy.tif"
    for number, cell in enumerate(tiffs):
        source.write_bytes(cell.data)
        for options in LAYOUTS[number % 3 :: 3]:
            target.unlink(missing_ok=True)
            command = ["tiffcp", *options.split(), str(source), str(target)]
            if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                yield cell._replace(
                    name=f"{cell.name}, tiffcp {options}", data=target.read_bytes(), differs="not asked"
                )


def _of_pillow() -> Iterator[Cell]:
    for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "I;16"):
        picture = Image.fromarray(deepened(GREY[..., 0], 16)) if mode == "I;16" else photo(*SIZE).convert(mode)
        yield Cell(f"PNG {mode}", encode(picture, "PNG"))
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}, {"quality": 30}):
        for mode in ("L", "RGB", "CMYK"):
            yield Cell(f"JPEG {mode} {options}", encode(photo(*SIZE).convert(mode), "JPEG", **options))
    for mode in ("RGB", "RGBA"):
        for lossless in (True, False):
            yield Cell(f"WebP {mode} {lossless}", encode(photo(*SIZE).convert(mode), "WEBP", lossless=lossless))
    for compression in ("jpeg", "group3", "group4", "tiff_lzw", "zstd"):
        picture = photo(*SIZE).convert("1" if "group" in compression else "RGB")
        yield Cell(f"TIFF {compression}", encode(picture, "TIFF", compression=compression))
    yield Cell("GIF", encode(photo(*SIZE), "GIF"))


IMAGEMAGICK = {
    "png": (
        "-depth 16",
        "-depth 8 -interlace PNG",
        "-colors 16 -type Palette",
        "-type Grayscale",
        "-define png:color-type=6",
    ),
    "bmp": (
        "",
        "-define bmp:format=bmp3",
        "-define bmp:format=bmp2",
        "-colors 16",
        "-monochrome",
        "-colors 200 -compress RLE",
    ),
    "gif": ("", "-interlace GIF", "-colors 4", "-monochrome", "-transparent-color black"),
    "jpg": (
        "",
        "-interlace JPEG",
        "-sampling-factor 4:1:1",
        "-sampling-factor 2x1",
        "-colorspace CMYK",
        "-colorspace Gray",
    ),
    "webp": ("", "-define webp:lossless=true"),
    "tif": (
        "-depth 16",
        "-compress JPEG",
        "-compress Group4 -monochrome",
        "-compress Zip",
        "-colorspace CMYK",
        "-interlace Plane",
    ),
}
"""Options of ImageMagick by format."""


def _of_imagemagick(folder: Path) -> Iterator[Cell]:
    source = folder / "source.ppm"
    source.write_bytes(encode(photo(*SIZE), "PPM"))
    for suffix, variants in IMAGEMAGICK.items():
        for options in variants:
            command = ["mogrify", "-format", suffix, *options.split(), str(source)]
            subprocess.run(command, check=True, capture_output=True)
            yield Cell(f"{suffix} {options}", source.with_suffix(f".{suffix}").read_bytes())
