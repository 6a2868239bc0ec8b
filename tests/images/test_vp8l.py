"""Prefix codes of lossless WebPs are counted before libwebp keeps tables of them."""

import pytest
from PIL import Image

from serve_app.images.vp8l import MAX_GROUPS, MAX_SYMBOLS, SymbolBudget, code_bytes
from tests.images.pictures import encode, photo
from tests.images.webps import many_codes

LEAST, MOST = 6_000, 13_000
"""Memory per group, of codes of one symbol and of the largest."""


def body(whole: bytes, name: bytes = b"VP8L") -> bytes:
    at = whole.index(name) + 8
    return whole[at : at + int.from_bytes(whole[at - 4 : at], "little")]


@pytest.mark.parametrize("method", [0, 4, 6])
@pytest.mark.parametrize("colours", [2, 16, 256])
def test_encoders_use_few_groups(method: int, colours: int):
    """The transforms before the codes differ: palettes, predictors, differences from green."""
    picture = photo(640, 480)
    if colours < 256:
        picture = picture.quantize(colours).convert("RGB")
    taken = code_bytes(body(encode(picture, "WEBP", lossless=True, method=method)), picture.size, SymbolBudget())
    assert LEAST < taken < 2_600 * MOST


def test_codes_of_the_opacity_are_counted():
    picture = photo(640, 480)
    picture.putalpha(Image.effect_noise((640, 480), 80))
    opacity = body(encode(picture, "WEBP", quality=50), b"ALPH")
    assert opacity[0] & 3 == 1
    assert LEAST < code_bytes(opacity, (640, 480), SymbolBudget(), alpha=True) < 2_600 * MOST


def test_many_groups_are_charged():
    data = body(many_codes(1024, MAX_GROUPS))
    assert code_bytes(data, (1024, 1024), SymbolBudget()) > MAX_GROUPS * LEAST
    assert code_bytes(data, (8, 8), SymbolBudget()) < 4 * MOST * 16


def test_damaged_and_endless_data_is_charged_as_the_worst():
    blocks = 160 * 120
    assert code_bytes(b"\x2f\0\0\0\0", (640, 480), SymbolBudget()) >= 640 * blocks
    predictor = 0b000_00_1 | 0  # a transform in blocks of 4 × 4 pixels
    only_zeros = int("0001" * 5, 2)
    endless = b"\x2f\0\0\0\0" + (predictor | only_zeros << 7).to_bytes(4, "little") + bytes(8)
    assert MAX_SYMBOLS < 4_000 * 4_000 // 16
    assert code_bytes(endless, (4_000, 4_000), SymbolBudget()) > 640 * MAX_GROUPS
    assert code_bytes(endless, (40, 40), SymbolBudget()) < MOST
