"""Images in JSON strings."""

import base64
import hashlib
import json
import threading
from typing import Any

import pytest

from serve_app.errors import ImageTooLarge, InvalidParameter
from serve_app.ingress.base64_images import decoded_image, encoded_limit
from serve_app.ingress.classification import _sha256_of

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


async def test_large_images_are_decoded_in_pieces_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder lets no other thread run meanwhile."""
    sizes: list[int] = []
    decode = base64.b64decode

    def watched(piece: bytes, *, validate: bool) -> bytes:
        assert threading.current_thread() is not threading.main_thread()
        sizes.append(len(piece))
        return decode(piece, validate=validate)

    image = bytes(3 << 20)
    encoded = base64.b64encode(image)
    monkeypatch.setattr(base64, "b64decode", watched)
    assert await decoded_image(encoded, 4 << 20) == image
    assert max(sizes) <= 1 << 20


async def test_large_images_are_hashed_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    digest = hashlib.sha256

    def watched(data: bytes) -> Any:
        threads.append(threading.current_thread())
        return digest(data)

    monkeypatch.setattr(hashlib, "sha256", watched)
    for size in (2 << 20, 1024):
        assert await _sha256_of(bytes(size)) == digest(bytes(size)).hexdigest()
    assert [thread is threading.main_thread() for thread in threads] == [False, True]
