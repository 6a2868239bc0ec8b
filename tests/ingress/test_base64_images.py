"""Images in JSON strings."""

import base64
import json

import pytest

from serve_app.errors import ImageTooLarge, InvalidParameter
from serve_app.ingress.base64_images import decoded_image, encoded_limit

MIB = 1 << 20
DATA = bytes(range(256)) * (12 << 10) + b"\xfb\xff"


def dot_net(text: str) -> str:
    return json.dumps(text)[1:-1].replace("+", "\\u002B").replace("=", "\\u003D")


@pytest.mark.parametrize("data", [DATA, DATA[:-1], DATA[:1000], b"\xfb\xef\xff"])
async def test_images_are_decoded_in_pieces_and_with_the_escapes_of_common_libraries(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    for content in (text, f"data:image/png;base64,{text}", text.replace("/", "\\/"), dot_net(text)):
        assert await decoded_image(content.encode(), 20 * MIB) == data


@pytest.mark.parametrize(
    "content",
    [
        b"not*base64",
        b"abc",
        b"QUJD\\nREVG",
        b"QUJD\\\\/",
        b"\\u0041AAA",
        "ÄÖÜ=".encode(),
        b"A" * (MIB - 4) + b"AA==" + b"A" * MIB,
        b"A" * (2 * MIB) + b"*AAA",
    ],
)
async def test_other_text_is_rejected(content: bytes) -> None:
    with pytest.raises(InvalidParameter):
        await decoded_image(content, 20 * MIB)


async def test_large_images_are_rejected_before_they_are_decoded() -> None:
    for content in (b"A" * (4 * MIB), b"\\/" * (encoded_limit(MIB) // 2)):
        with pytest.raises(ImageTooLarge):
            await decoded_image(bytearray(content), MIB)
    assert len(await decoded_image(base64.b64encode(bytes(MIB)), MIB)) == MIB
