"""Encoded pictures of one colour, which the fake model distinguishes."""

from functools import cache
from io import BytesIO

from PIL import Image

Colour = tuple[int, int, int]

RED: Colour = (210, 5, 5)
GREEN: Colour = (5, 210, 5)
BLUE: Colour = (5, 5, 210)


@cache
def picture(colour: Colour = RED, file_format: str = "PNG", size: tuple[int, int] = (32, 24)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, file_format)
    return file.getvalue()


def different(count: int) -> list[bytes]:
    """Pictures with pairwise different bytes."""
    return [picture((number % 256, number // 256, 100)) for number in range(count)]


@cache
def truncated() -> bytes:
    """A JPEG that ends within its pixel data."""
    file = BytesIO()
    Image.effect_noise((200, 200), 90).convert("RGB").save(file, "JPEG")
    return file.getvalue()[: len(file.getvalue()) // 2]
