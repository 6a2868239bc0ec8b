import threading
import time
from pathlib import Path

import numpy as np
import pytest

from models.arrays import UInt8Array
from models.runtimes.fake import class_of
from models.runtimes.loading import load_runtime
from models.runtimes.runtime import Runtime
from models.zoo import resolve_model


def fake(*, batch_latency_ms: float = 0.0, image_latency_ms: float = 0.0) -> Runtime:
    return load_runtime(
        resolve_model("mobilenet"),
        runtime="fake",
        artifacts_dir=Path("/nowhere"),
        batch_latency_ms=batch_latency_ms,
        image_latency_ms=image_latency_ms,
    )


def of_colour(red: int, green: int, blue: int) -> UInt8Array:
    return np.full((1, 224, 224, 3), (red, green, blue), np.uint8)


@pytest.mark.parametrize(
    ("colour", "index"), [((0, 0, 0), 0), ((255, 255, 255), 999), ((250, 130, 10), 950), ((130, 130, 0), 550)]
)
def test_the_mean_colour_determines_the_class(colour: tuple[int, int, int], index: int) -> None:
    pixels = of_colour(*colour)
    assert class_of(pixels[0]) == index
    probabilities = fake().predict(pixels)
    assert probabilities.argmax() == index
    assert probabilities.dtype == np.float32
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_rows_keep_the_order_of_the_images() -> None:
    pixels = np.concatenate([of_colour(250, 0, 0), of_colour(0, 250, 0), of_colour(0, 0, 250)])
    assert fake().predict(pixels).argmax(axis=1).tolist() == [900, 90, 9]
    assert fake().predict(pixels[:0]).shape == (0, 1000)


def test_classes_wrap_around() -> None:
    assert class_of(of_colour(255, 255, 255)[0], classes=3) == 0


def test_latency_has_a_share_per_batch_and_per_image() -> None:
    runtime = fake(batch_latency_ms=20, image_latency_ms=5)
    runtime.warm_up()
    start = time.perf_counter()
    runtime.predict(np.repeat(of_colour(0, 0, 0), 8, axis=0))
    assert time.perf_counter() - start >= 0.06


def test_other_threads_run_while_it_waits() -> None:
    runtime = fake(batch_latency_ms=300)
    start = time.perf_counter()
    threads = [threading.Thread(target=runtime.predict, args=(of_colour(0, 0, 0),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.perf_counter() - start < 8 * 0.3


@pytest.mark.parametrize(
    "wrong",
    [
        {"runtime": "onnx"},
        {"precision": "int4"},
    ],
)
def test_unsupported_runtimes_and_precisions_are_rejected(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"runtime|precision"):
        load_runtime(resolve_model("mobilenet"), artifacts_dir=Path("/nowhere"), **wrong)  # type: ignore[arg-type]
