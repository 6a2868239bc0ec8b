from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models.arrays import UInt8Array
from models.artifacts import ensure_artifact
from models.errors import WarmUpFailed
from models.runtimes import openvino
from models.runtimes.openvino import OpenVINORuntime
from models.runtimes.runtime import Runtime
from models.zoo import resolve_model


def test_it_reports_its_name_precision_and_buckets(openvino_lite0: Runtime) -> None:
    assert (openvino_lite0.name, openvino_lite0.precision) == ("openvino", "fp32")
    assert openvino_lite0.batch_buckets == (1, 4)


@pytest.mark.parametrize("images", [1, 2, 3, 9, 17])
def test_results_do_not_depend_on_the_batch(openvino_lite0: Runtime, varied_pixels: UInt8Array, images: int) -> None:
    batch = openvino_lite0.predict(varied_pixels[:images])
    alone = np.concatenate([openvino_lite0.predict(varied_pixels[i : i + 1]) for i in range(images)])
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch, alone, atol=1e-5)


def test_concurrent_callers_receive_their_own_results(openvino_lite0: Runtime, varied_pixels: UInt8Array) -> None:
    expected = openvino_lite0.predict(varied_pixels[:24])
    slices = [slice(start, start + 1 + start % 5) for start in range(20)] * 2
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda part: openvino_lite0.predict(varied_pixels[part]), slices))
    for part, answer in zip(slices, answers, strict=True):
        np.testing.assert_allclose(answer, expected[part], atol=1e-5)


def test_requests_are_free_again_after_an_error(
    openvino_lite0: Runtime, varied_pixels: UInt8Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = openvino_lite0.predict(varied_pixels[:9])

    def fail(_: object) -> None:
        raise RuntimeError("failed")

    with monkeypatch.context() as patched:
        patched.setattr(openvino, "_output_of", fail)
        for images in (1, 2, 9):
            with pytest.raises(RuntimeError, match="failed"):
                openvino_lite0.predict(varied_pixels[:images])
    np.testing.assert_allclose(openvino_lite0.predict(varied_pixels[:9]), expected, atol=1e-6)


def test_views_and_read_only_arrays_are_accepted(openvino_lite0: Runtime, varied_pixels: UInt8Array) -> None:
    mirrored = varied_pixels[:2, :, ::-1]
    mirrored.flags.writeable = False
    np.testing.assert_allclose(openvino_lite0.predict(mirrored), openvino_lite0.predict(mirrored.copy()), atol=1e-6)
    read_only = varied_pixels[:2].copy()
    read_only.flags.writeable = False
    np.testing.assert_allclose(openvino_lite0.predict(read_only), openvino_lite0.predict(varied_pixels[:2]), atol=1e-6)


def test_an_empty_batch_returns_no_rows(openvino_lite0: Runtime) -> None:
    assert openvino_lite0.predict(np.empty((0, 224, 224, 3), np.uint8)).shape == (0, 1000)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 224, 224, 3), np.float32),
        np.zeros((1, 225, 224, 3), np.uint8),
        np.zeros((224, 224, 3), np.uint8),
        np.zeros((1, 3, 224, 224), np.uint8),
    ],
)
def test_tensors_of_another_shape_or_type_are_rejected(openvino_lite0: Runtime, pixels: UInt8Array) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(N, 224, 224, 3\)"):
        openvino_lite0.predict(pixels)


@pytest.mark.usefixtures("openvino_lite0")
def test_warm_up_fails_if_the_number_of_labels_differs_from_the_outputs(artifacts_dir: Path) -> None:
    model_xml = ensure_artifact(resolve_model("efficientnet-lite0"), artifacts_dir)
    runtime = OpenVINORuntime(model_xml, classes=999, batch_buckets=(1,), threads=1)
    with pytest.raises(WarmUpFailed, match="1000"):
        runtime.warm_up()
