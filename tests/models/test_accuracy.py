"""Accuracy of the packaged weights on real photos."""

import numpy as np
import pytest

from models.architectures import build_keras_model
from models.arrays import Float32Array, UInt8Array
from models.runtimes.runtime import Runtime
from models.zoo import resolve_model
from tests.models import photos


def hits(probabilities: Float32Array, truth: list[int], k: int) -> int:
    top = np.argsort(-probabilities, axis=1)[:, :k]
    return sum(label in row for label, row in zip(truth, top, strict=True))


def test_lite0_classifies_the_labelled_photos(openvino_lite0: Runtime) -> None:
    truth, images = zip(*photos.labelled(), strict=True)
    probabilities = openvino_lite0.predict(photos.pixels(list(images), resolve_model("efficientnet-lite0").transform))
    assert len(truth) == 20
    assert hits(probabilities, list(truth), k=5) >= 18
    assert hits(probabilities, list(truth), k=1) >= 16


@pytest.mark.parametrize("name", ["efficientnet-lite1", pytest.param("efficientnet-lite2", marks=pytest.mark.chaos)])
@pytest.mark.usefixtures("keras_ready")
def test_larger_models_classify_the_labelled_photos(name: str) -> None:
    spec = resolve_model(name)
    model = build_keras_model(spec)
    truth, images = zip(*photos.labelled(), strict=True)
    probabilities = np.asarray(model(photos.pixels(list(images), spec.transform), training=False))
    assert hits(probabilities, list(truth), k=1) >= 16
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == spec.parameters


def test_openvino_agrees_with_tensorflow(
    openvino_lite0: Runtime, reference: Float32Array, varied_pixels: UInt8Array
) -> None:
    ours = openvino_lite0.predict(varied_pixels)
    assert len(varied_pixels) >= 100
    assert np.abs(ours - reference).max() <= 1e-4
