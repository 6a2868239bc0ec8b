"""The SIMD resizer makes the pixels of Pillow, whatever the sizes and the processor."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from serve_app.images import resizing
from serve_app.images.resizing import REDUCING_GAP, Box, resize
from tests.images.pictures import photo

simd: Any = pytest.importorskip("cykooz_resizer", reason="no package for this platform")

BOXES: list[tuple[tuple[int, int], Box, tuple[int, int]]] = [
    ((500, 375), (85.9375, 23.4375, 414.0625, 351.5625), (224, 224)),
    ((105, 78), (18.375, 4.875, 86.625, 73.125), (224, 224)),
    ((224, 224), (0, 0, 224, 224), (224, 224)),
    ((300, 224), (38, 0, 262, 224), (224, 224)),
    ((300, 224), (37.5, 0, 261.5, 224), (224, 224)),
    ((1, 400), (0, 199.5, 1, 200.5), (32, 32)),
    ((400, 1), (0.0625, 0.0625, 399.9375, 0.9375), (32, 16)),
    ((1, 1), (0.1, 0.1, 0.9, 0.9), (24, 24)),
    ((1700, 1300), (200.3, 100.7, 1500.3, 1200.9), (64, 48)),
    ((30_000, 3), (0, 0, 30_000, 3), (16, 16)),
    ((3, 30_000), (0.3, 0.1, 2.9, 29_999.7), (16, 300)),
    ((7, 3), (0, 0, 7, 0.1 + 0.2), (9, 9)),
]
"""Sizes of pictures, the boxes that are resized, and to what."""


def noise(size: tuple[int, int], mode: str) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(values).convert(mode)


def check_same(found: Image.Image, expected: Image.Image, mean: float = 0.05) -> None:
    """Both round after each of two passes, so a pixel may differ by two levels."""
    assert found.size == expected.size
    difference = np.abs(np.asarray(found.convert("RGB")).astype(int) - np.asarray(expected.convert("RGB")))
    assert difference.max() <= 2
    assert difference.mean() < mean


def with_pillow(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.BICUBIC, box, REDUCING_GAP)


@pytest.mark.parametrize("extensions", ["the best", "sse4_1", "none"])
@pytest.mark.parametrize("mode", ["RGB", "RGBX", "L"])
@pytest.mark.parametrize("case", BOXES)
def test_pixels_are_those_of_pillow(
    case: tuple[tuple[int, int], Box, tuple[int, int]], mode: str, extensions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Limited(simd.Resizer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cpu_extensions = getattr(simd.CpuExtensions, extensions)

    if extensions == "sse4_1" and simd.Resizer().cpu_extensions == simd.CpuExtensions.neon:
        pytest.skip("not an x86 processor")
    if extensions != "the best":
        monkeypatch.setattr(simd, "Resizer", Limited)
    within, box, size = case
    image = noise(within, mode)
    mean = 0.25 if min(within) < 8 else 0.05  # averages of noise, which are all near to where rounding turns
    check_same(resize(image, box, size), with_pillow(image, box, size), mean)


def test_without_simd_pillow_resizes(monkeypatch: pytest.MonkeyPatch) -> None:
    image, box, size = photo(500, 375), (85.9375, 23.4375, 414.0625, 351.5625), (224, 224)
    resized = resize(image, box, size)
    monkeypatch.setattr(resizing, "_SIMD", None)
    without = resize(image, box, size)
    np.testing.assert_array_equal(np.asarray(without), np.asarray(with_pillow(image, box, size)))
    check_same(resized, without)
