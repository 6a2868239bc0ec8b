"""Decides whether the pixels of a TIFF are understood, and what their samples mean."""

import math
from typing import Final, NamedTuple

from serve_app.errors import TooManyPixels
from serve_app.images import tiff_directory as tag
from serve_app.images.limits import MAX_IMAGE_PIXELS
from serve_app.images.stored_picture import damaged, unsupported
from serve_app.images.tiff_directory import Tags

MAX_SAMPLE_BYTES: Final = 8 * MAX_IMAGE_PIXELS
"""Decoded samples, with the parts of tiles outside of the picture."""

MAX_TILE_PIXELS: Final = 4096 * 4096
"""Pixels of a tile, unless the picture is as large: a small picture must not cost more than its size tells."""

MAX_ROW_BYTES: Final = 10_000_000
"""Samples of a row, since rows are converted as a whole. A row of 65,535 pixels of 16 samples of 8 bytes has 8 MB."""

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS: Final = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3}
_COLOUR_NAMES: Final = {
    4: "a transparency mask",
    9: "ICC Lab colors",
    10: "ITU Lab colors",
    32803: "raw sensor data (CFA)",
    32844: "LogL colors",
    32845: "LogLuv colors",
    34892: "raw sensor data (linear)",
}

RAW, GROUP3, GROUP4, LZW, JPEG, DEFLATE, PACKBITS, WEBP = 1, 3, 4, 5, 7, 8, 32773, 50001
_BYTE_CODECS: Final = frozenset((RAW, LZW, DEFLATE, PACKBITS, 32946, 34925, 50000))
"""None, LZW, Deflate (both numbers), PackBits, LZMA and Zstandard: they do not know what the bytes mean."""

FAX: Final = frozenset((2, GROUP3, GROUP4))
_CODEC_NAMES: Final = {
    6: "old-style JPEG",
    9: "JBIG",
    10: "JBIG",
    32809: "ThunderScan",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy DNG",
    50002: "JPEG XL",
    52546: "JPEG XL",
}

_COEFFICIENTS: Final = (0.299, 0.587, 0.114)
_REFERENCE_WHITE: Final = (0, 255, 128, 255, 128, 255)

UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
_FORMAT_NAMES: Final = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "floating-point", 5: "complex", 6: "complex"}
_DEPTHS: Final = {
    UNSIGNED: frozenset((*range(1, 17), 32, 64)),
    SIGNED: frozenset((8, 16, 32, 64)),
    FLOAT: frozenset((16, 32, 64)),
}

_ASSOCIATED: Final = 1
_ALPHA: Final = frozenset((_ASSOCIATED, 2, 999))
"""Associated, unassociated, and what Corel Draw 10 writes."""

MAX_SAMPLES: Final = 16


class TiffLayout(NamedTuple):
    """How the first picture of a TIFF is stored."""

    width: int
    height: int
    bits: int
    kind: int
    """The sample format."""
    samples: int
    colour: int
    """The photometric interpretation."""
    alpha: int | None
    """Index of the sample with the opacity."""
    associated: bool
    planar: bool
    codec: int
    predictor: int
    reversed_bits: bool
    subsampling: tuple[int, int]
    block: tuple[int, int]
    """Width and height of a tile or strip."""
    tiled: bool
    order: str

    @classmethod
    def of(cls, tags: Tags, order: str) -> "TiffLayout":
        """:raises CorruptImage, UnsupportedImage: tags contradict each other, or describe an unknown variant."""
        width, height = _one(tags, tag.WIDTH, 0), _one(tags, tag.LENGTH, 0)
        if width <= 0 or height <= 0:
            raise damaged("TIFF", "its width or height is 0")
        codec, samples = _one(tags, tag.COMPRESSION, RAW), _one(tags, tag.SAMPLES, 1)
        if not 1 <= samples <= MAX_SAMPLES:
            raise unsupported(f"TIFF with {samples} samples per pixel")
        colour = _colour(tags, samples, codec)
        alpha = _alpha(tags, samples, colour)
        extra = tags.get(tag.EXTRA_SAMPLES, ())
        tiled = tag.TILE_OFFSETS in tags
        block = (width, min(_one(tags, tag.ROWS_PER_STRIP, height), height))
        if tiled:
            block = (_one(tags, tag.TILE_WIDTH, 0), _one(tags, tag.TILE_LENGTH, 0))
        layout = cls(
            width=width,
            height=height,
            bits=_same(tags, tag.BITS, 1, samples, "bit depths"),
            kind=_kind(tags, samples),
            samples=samples,
            colour=colour,
            alpha=alpha,
            associated=alpha is not None and bool(extra) and extra[alpha - _COLOURS[colour]] == _ASSOCIATED,
            planar=_one(tags, tag.PLANAR, 1) == 2 and samples > 1,
            codec=codec,
            predictor=_one(tags, tag.PREDICTOR, 1) if codec in _BYTE_CODECS - {RAW, PACKBITS} else 1,
            reversed_bits=_one(tags, tag.FILL_ORDER, 1) == 2,
            subsampling=_subsampling(tags) if colour == YCBCR else (1, 1),
            block=block,
            tiled=tiled,
            order=order,
        )
        layout._check()
        layout._check_blocks(tags)
        _check_white(tags, colour)
        return layout

    @property
    def colours(self) -> int:
        """Number of samples that make the color."""
        return _COLOURS[self.colour]

    @property
    def padded(self) -> tuple[int, int]:
        """Width and height with the parts of tiles outside of the picture."""
        across, down = self.blocks
        return (across * self.block[0], down * self.block[1]) if self.tiled else (self.width, self.height)

    @property
    def blocks(self) -> tuple[int, int]:
        """Number of tiles or strips across and down."""
        return math.ceil(self.width / self.block[0]), math.ceil(self.height / self.block[1])

    @property
    def sample_bytes(self) -> int:
        """Bytes of all decoded samples."""
        width, height = self.padded
        return math.ceil(width * self.samples * self.bits / 8) * height

    @property
    def planes(self) -> int:
        return self.samples if self.planar else 1

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes that are decoded as one pixel; 1 also where pixels are not whole bytes or of many bytes."""
        whole = self.bits == 8 and self.subsampling == (1, 1) and not self.reversed_bits and not self.planar
        return self.samples if whole and self.samples in (1, 3, 4) else 1

    @property
    def is_plain(self) -> bool:
        """Whether the bytes are the grey or RGB pixels, but for the parts of tiles outside of the picture."""
        kind = (self.colour, self.samples, self.bits, self.kind)
        plain = kind in ((BLACK_IS_ZERO, 1, 8, UNSIGNED), (RGB, 3, 8, UNSIGNED))
        return plain and self.planes == 1 and not self.reversed_bits

    @property
    def predictor_is_decoded(self) -> bool:
        """Whether the codec undoes the predictor, because the bytes are samples."""
        return self.predictor == 2 and self.bits == 8 and self.samples // self.planes == self.bytes_per_pixel

    def byte_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Columns and rows of the bytes of a part of this size, in ``bytes_per_pixel``."""
        across, down = self.subsampling
        if (across, down) != (1, 1):
            return math.ceil(size[0] / across) * (across * down + 2), math.ceil(size[1] / down)
        bits = self.bits * self.samples // self.planes
        return math.ceil(size[0] * bits / (8 * self.bytes_per_pixel)), size[1]

    def _check(self) -> None:
        if self.bits not in _DEPTHS[self.kind]:
            raise unsupported(f"TIFF with {self.bits}-bit {_FORMAT_NAMES[self.kind]} samples")
        if self.codec in _BYTE_CODECS:
            self._check_bytes()
        elif self.codec in FAX:
            if (self.bits, self.samples) != (1, 1) or self.colour not in (WHITE_IS_ZERO, BLACK_IS_ZERO):
                raise unsupported("TIFF with fax compression of more than one bit per pixel")
        elif self.codec in (JPEG, WEBP):
            self._check_picture()
        else:
            raise unsupported(f"TIFF with {_CODEC_NAMES.get(self.codec, f'number {self.codec}')} compression")

    def _check_bytes(self) -> None:
        if self.predictor not in (1, 2, 3):
            raise unsupported(f"TIFF with predictor {self.predictor}")
        if (self.predictor == 2 and self.bits % 8) or (self.predictor == 3 and self.kind != FLOAT):
            raise unsupported(f"TIFF with predictor {self.predictor} for {self.bits}-bit samples")
        if self.colour == PALETTE and (self.kind != UNSIGNED or self.bits > 16):
            raise unsupported("TIFF with a palette for samples of more than 16 bits")
        if self.colour in (YCBCR, LAB) and (self.bits != 8 or self.kind != UNSIGNED):
            raise unsupported(f"TIFF with {'Lab' if self.colour == LAB else 'YCbCr'} colors of {self.bits} bits")
        if self.subsampling != (1, 1) and (self.planar or self.predictor != 1 or self.samples != 3):
            raise unsupported("TIFF with subsampled YCbCr colors in planes, with a predictor or more samples")

    def _check_picture(self) -> None:
        name = "JPEG" if self.codec == JPEG else "WebP"
        plain: dict[int, tuple[int, ...]] = {3: (RGB,)}
        if self.codec == JPEG:
            plain = {1: (WHITE_IS_ZERO, BLACK_IS_ZERO), 3: (RGB, YCBCR), 4: (CMYK,)}
        elif self.alpha == 3 and not self.associated:
            plain = {4: (RGB,)}
        if self.bits != 8 or self.kind != UNSIGNED or self.planar or self.colour not in plain.get(self.samples, ()):
            raise unsupported(f"TIFF with {name} compression of {self.samples} {self.bits}-bit samples of this kind")

    def _check_blocks(self, tags: Tags) -> None:
        if min(self.block) <= 0:
            raise damaged("TIFF", "its tiles or strips have no size")
        if self.tiled and self.block[0] % 8:
            raise unsupported(f"TIFF with tiles {self.block[0]} pixels wide")
        if self.block[0] * self.block[1] > max(MAX_TILE_PIXELS, 2 * self.width * self.height):
            raise unsupported(f"TIFF with tiles of {self.block[0]:,} × {self.block[1]:,} pixels")
        if self.sample_bytes > MAX_ROW_BYTES * self.padded[1]:
            raise unsupported(f"TIFF with rows of more than {MAX_ROW_BYTES // 10**6} MB")
        if self.sample_bytes > MAX_SAMPLE_BYTES:
            size, limit = self.sample_bytes / 1e6, MAX_SAMPLE_BYTES / 1e6
            raise TooManyPixels(f"The TIFF has {size:,.0f} MB of samples; {limit:,.0f} MB are allowed.")
        offsets = tags.get(tag.TILE_OFFSETS if self.tiled else tag.STRIP_OFFSETS, ())
        if len(offsets) < math.prod(self.blocks) * (self.samples if self.planar else 1):
            raise damaged("TIFF", "a part of the picture is missing")


def _one(tags: Tags, name: int, default: int) -> int:
    return (tags.get(name) or (default,))[0]


def _same(tags: Tags, name: int, default: int, samples: int, what: str) -> int:
    values = set(tags.get(name, (default,))[:samples])
    if len(values) > 1:
        raise unsupported(f"TIFF with different {what} in one pixel")
    return values.pop() if values else default


def _kind(tags: Tags, samples: int) -> int:
    kind = _same(tags, tag.SAMPLE_FORMAT, UNSIGNED, samples, "sample formats")
    if kind == UNDEFINED:
        return UNSIGNED
    if kind not in _DEPTHS:
        raise unsupported(f"TIFF with {_FORMAT_NAMES.get(kind, f'format {kind}')} samples")
    return kind


def _colour(tags: Tags, samples: int, codec: int) -> int:
    guess = RGB if samples >= 3 else WHITE_IS_ZERO if codec in FAX else BLACK_IS_ZERO
    colour = _one(tags, tag.PHOTOMETRIC, guess)
    if colour == YCBCR and samples == 1:
        return BLACK_IS_ZERO
    if colour not in _COLOURS:
        raise unsupported(f"TIFF with {_COLOUR_NAMES.get(colour, f'photometric interpretation {colour}')}")
    if samples < _COLOURS[colour]:
        raise damaged("TIFF", "its pixels have too few samples")
    if colour == CMYK and _one(tags, tag.INK_SET, 1) != 1:
        raise unsupported("TIFF with inks other than CMYK")
    return colour


def _alpha(tags: Tags, samples: int, colour: int) -> int | None:
    further = samples - _COLOURS[colour]
    extra = tags.get(tag.EXTRA_SAMPLES, ())
    if not extra and colour == RGB and further == 1:
        return 3
    known = (index for index, meaning in enumerate(extra[:further]) if meaning in _ALPHA)
    return next((_COLOURS[colour] + index for index in known), None)


def _subsampling(tags: Tags) -> tuple[int, int]:
    across, down = (*tags.get(tag.SUBSAMPLING, ()), 2, 2)[:2] if tag.SUBSAMPLING in tags else (2, 2)
    if across not in (1, 2, 4) or down not in (1, 2, 4):
        raise damaged("TIFF", "its YCbCr subsampling is invalid")
    return across, down


def _check_white(tags: Tags, colour: int) -> None:
    if colour != YCBCR:
        return
    for name, usual in ((tag.COEFFICIENTS, _COEFFICIENTS), (tag.REFERENCE_WHITE, _REFERENCE_WHITE)):
        numbers = tags.get(name, ())
        pairs = zip(numbers[::2], numbers[1::2], usual, strict=False)
        if any(abs(over - value * under) > 0.01 * under for over, under, value in pairs):
            raise unsupported("TIFF with its own definition of YCbCr colors")
