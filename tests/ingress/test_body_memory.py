"""Reading a body takes little more memory than its bytes, which are what the limits count."""

import base64
import json
import tracemalloc
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.types import Message

from serve_app.config import LimitArguments
from serve_app.ingress.bodies import read_images

MIB = 1 << 20
IMAGES = [bytes([number]) * (2 * MIB) for number in range(8)]


def as_json() -> tuple[str, bytes]:
    images = [{"image_base64": base64.b64encode(image).decode()} for image in IMAGES]
    return "application/json", json.dumps({"images": images}).encode()


def as_multipart() -> tuple[str, bytes]:
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return "multipart/form-data; boundary=X", b"".join(head + image + b"\r\n" for image in IMAGES) + b"--X--\r\n"


def as_image() -> tuple[str, bytes]:
    return "image/png", IMAGES[0] * len(IMAGES)


@pytest.mark.parametrize("form", [as_json, as_multipart, as_image])
async def test_reading_takes_little_more_than_the_body(form: Callable[[], tuple[str, bytes]]) -> None:
    kind, content = form()
    position = 0

    async def receive() -> Message:
        nonlocal position
        piece = content[position : position + (64 << 10)]
        position += len(piece)
        return {"type": "http.request", "body": piece, "more_body": position < len(content)}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    tracemalloc.start()
    images = await read_images(Request(scope, receive), LimitArguments())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(item) for item in images.items if isinstance(item, bytes)) == 8 * 2 * MIB
    assert peak < 1.5 * len(content) + MIB
