import asyncio
import logging
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.arrays import UInt8Array
from models.spec import Transform
from serve_app.errors import (
    CorruptImage,
    DeadlineExceeded,
    ImageTooComplex,
    InternalError,
    UnknownModel,
    UnsupportedImage,
)
from serve_app.images.cost import UNKNOWN
from serve_app.images.decoding import decode
from serve_app.images.decoding_process import DecodingProcess, Stop
from serve_app.images.sample import sample
from serve_app.stages import preprocessor as module
from serve_app.stages.preprocessor import Preprocessor
from serve_app.types import ImageInfo, Preprocessed
from tests.images.pictures import encode

NOW = 1_000_000.0


SMALL = Transform.square(32, 0.875)


def stage(threads: int = 2) -> Preprocessor:
    return Preprocessor({"small": SMALL, "large": Transform.square(48, 1.0)}, threads, clock=lambda: NOW)


async def prepare(*images: bytes, model: str = "small", deadlines: list[float] | None = None) -> Preprocessed:
    return await stage().prepare(model, images, deadlines or [NOW + 1] * len(images))


async def test_rows_are_the_decoded_images_in_order():
    files = [sample("PNG"), sample("JPEG"), sample("BMP")]
    result = await prepare(*files, deadlines=[NOW, NOW + 1, NOW + 2])
    assert result.tensor.shape == (3, 32, 32, 3)
    assert result.tensor.dtype == np.uint8
    assert result.tensor.flags.c_contiguous
    for row, file in zip(result.tensor, files, strict=True):
        np.testing.assert_array_equal(row, decode(file, SMALL)[1])
    assert result.outcomes == [ImageInfo(name, 64, 48) for name in ("PNG", "JPEG", "BMP")]
    assert result.deadlines == [NOW, NOW + 1, NOW + 2]
    assert result.preprocess_ms > 0


async def test_each_model_has_its_own_size():
    assert (await prepare(sample("PNG"), model="large")).tensor.shape == (1, 48, 48, 3)


async def test_invalid_images_do_not_affect_others():
    good = sample("WEBP")
    deadlines = [NOW + 1, NOW + 5, NOW + 1, NOW - 1, NOW + 7]
    result = await prepare(b"text", good, good[:60], good, good, deadlines=deadlines)
    assert [type(outcome) for outcome in result.outcomes] == [
        UnsupportedImage,
        ImageInfo,
        CorruptImage,
        DeadlineExceeded,
        ImageInfo,
    ]
    assert result.deadlines == [NOW + 5, NOW + 7]
    expected = decode(good, SMALL)[1]
    np.testing.assert_array_equal(result.tensor, np.stack([expected, expected]))


async def test_without_valid_images_the_tensor_is_empty():
    result = await prepare(b"text")
    assert result.tensor.shape == (0, 32, 32, 3)
    assert result.deadlines == []


async def test_an_image_past_its_deadline_is_not_decoded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "decode", lambda *_: pytest.fail("decoded"))
    result = await prepare(sample("PNG"), deadlines=[NOW - 0.001])
    assert isinstance(result.outcomes[0], DeadlineExceeded)


async def test_an_unexpected_error_is_logged_and_fails_only_its_image(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def faulty(data: bytes, transform: Transform) -> tuple[ImageInfo, UInt8Array]:
        if data == b"faulty":
            raise RuntimeError("the secret cause")
        return decode(data, transform)

    monkeypatch.setattr(module, "decode", faulty)
    with caplog.at_level(logging.ERROR):
        result = await prepare(b"faulty", sample("PNG"))
    assert isinstance(result.outcomes[0], InternalError)
    assert "secret" not in str(result.outcomes[0])
    assert "the secret cause" in caplog.text
    assert isinstance(result.outcomes[1], ImageInfo)


async def test_an_unknown_model_is_rejected():
    with pytest.raises(UnknownModel, match="no-such"):
        await prepare(sample("PNG"), model="no-such")


async def test_images_are_decoded_concurrently_in_threads(monkeypatch: pytest.MonkeyPatch):
    both_started = threading.Barrier(2, timeout=30)

    def decode_together(data: bytes, transform: Transform) -> Any:
        both_started.wait()
        return decode(data, transform)

    monkeypatch.setattr(module, "decode", decode_together)
    result = await prepare(*[sample("PNG")] * 2)
    assert [type(outcome) for outcome in result.outcomes] == [ImageInfo, ImageInfo]


async def test_cancelled_images_are_removed_from_the_queue(monkeypatch: pytest.MonkeyPatch):
    started: list[bytes] = []
    running, release = threading.Event(), threading.Event()

    def blocking(data: bytes, transform: Transform) -> Any:
        started.append(data)
        running.set()
        release.wait(5)
        return decode(data, transform)

    monkeypatch.setattr(module, "decode", blocking)
    single = stage(threads=1)
    abandoned = asyncio.create_task(single.prepare("small", [sample("PNG")] * 8, [NOW + 1] * 8))
    await asyncio.to_thread(running.wait, 5)
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    release.set()
    await single.prepare("small", [sample("BMP")], [NOW + 1])
    assert len(started) == 2


def test_warm_up_decodes_every_format_for_every_model(monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[bytes, int]] = []
    monkeypatch.setattr(module, "decode", lambda data, transform: seen.append((data[:4], transform.height)))
    stage().warm_up()
    assert len(set(seen)) == 7 * 2


def test_a_failing_codec_fails_the_warm_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "sample", lambda file_format: sample(file_format)[:40])
    with pytest.raises(CorruptImage):
        stage().warm_up()


def expensive_stage(processes: int = 1) -> Preprocessor:
    """Every image that is not small is expensive."""
    return Preprocessor({"small": SMALL}, 1, processes=processes, expensive_cost=UNKNOWN - 1, clock=lambda: NOW)


EXPENSIVE = b"\xff\xd8\xff"
"""A JPEG whose header is not understood."""


async def test_expensive_images_occupy_no_thread(monkeypatch: pytest.MonkeyPatch):
    """Not even with a single thread do ordinary images wait for them."""
    started, release = threading.Event(), threading.Event()

    def blocking(*_: object) -> Any:
        started.set()
        release.wait(30)
        raise CorruptImage("as expected")

    monkeypatch.setattr(DecodingProcess, "decode", blocking)
    single = expensive_stage()
    expensive = [asyncio.create_task(single.prepare("small", [EXPENSIVE], [NOW + 1])) for _ in range(3)]
    await asyncio.to_thread(started.wait, 30)
    ordinary = await single.prepare("small", [sample("PNG")] * 2, [NOW + 1] * 2)
    assert [type(outcome) for outcome in ordinary.outcomes] == [ImageInfo, ImageInfo]
    assert not any(task.done() for task in expensive)
    release.set()
    for result in await asyncio.gather(*expensive):
        assert isinstance(result.outcomes[0], CorruptImage)
    single.close()


async def test_the_decoding_of_expensive_images_is_stopped_when_no_client_waits(monkeypatch: pytest.MonkeyPatch):
    started, stopped = threading.Event(), threading.Event()

    def blocking(_process: DecodingProcess, _data: bytes, _transform: Transform, left_s: float, stop: Stop) -> Any:
        assert left_s == 7
        started.set()
        while not stop.is_set:
            threading.Event().wait(0.001)
        stopped.set()
        raise DeadlineExceeded("stopped")

    monkeypatch.setattr(DecodingProcess, "decode", blocking)
    single = expensive_stage()
    task = asyncio.create_task(single.prepare("small", [EXPENSIVE], [NOW + 7]))
    await asyncio.to_thread(started.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(stopped.wait, 30)
    single.close()


async def test_expensive_images_are_decoded_in_a_process():
    single = expensive_stage()
    result = await single.prepare("small", [EXPENSIVE], [NOW + 60])
    assert isinstance(result.outcomes[0], CorruptImage)
    single.close()


async def test_an_image_whose_header_hides_its_size_is_rejected(monkeypatch: pytest.MonkeyPatch):
    """The container of an AVIF says 16 × 16, its coded picture 8,000 × 8,000."""
    large = encode(Image.new("RGB", (8000, 8000)), "PNG", compress_level=1)
    monkeypatch.setattr(module, "cost_of", lambda _: 1.0)
    single = expensive_stage()
    result = await single.prepare("small", [large, sample("PNG")], [NOW + 1] * 2)
    assert [type(outcome) for outcome in result.outcomes] == [ImageTooComplex, ImageInfo]
    single.close()
