"""Conversion of Keras models to OpenVINO and the comparison that follows it, with a random classifier per layer."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
import pytest

from models.errors import ArtifactBuildFailed, InvalidModel

if TYPE_CHECKING:
    import keras

SHAPE = (8, 12, 3)

pytestmark = pytest.mark.usefixtures("keras_ready")


def classifier(body: Callable[[Any], Any]) -> "keras.Model":
    """uint8 (N, 8, 12, 3) → probabilities (N, 5); ``body`` maps features (N, 8, 12, 4) to others."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    image = keras.Input(SHAPE, dtype="uint8")
    features = layers.Conv2D(4, 3, padding="same")(layers.Rescaling(1 / 255)(image))
    return keras.Model(image, layers.Dense(5, activation="softmax")(layers.Flatten()(body(features))))


def export(model: "keras.Model", folder: Path) -> openvino.Model:
    from models.runtimes.openvino_export import export_to_openvino

    export_to_openvino(model, SHAPE, folder / "model.xml")
    return openvino.Core().read_model(folder / "model.xml")


def _attention(features: Any) -> Any:
    from keras import layers

    tokens = layers.Reshape((-1, 4))(features)
    return layers.MultiHeadAttention(2, 4)(tokens, tokens)


def _einsum(features: Any) -> Any:
    import keras

    return keras.ops.einsum("nhwc,nhwd->ncd", features, features) / 100


def _layer(name: str, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
    def apply(features: Any) -> Any:
        from keras import layers

        return getattr(layers, name)(*arguments, **options)(features)

    return apply


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_layer("Activation", "silu"), id="swish"),  # a gradient of its own: two outputs, one used
        pytest.param(_layer("GroupNormalization", 2), id="group normalization"),
        pytest.param(_layer("Resizing", 5, 20), id="resizing"),
        pytest.param(_layer("UpSampling2D", 2, interpolation="bilinear"), id="upsampling"),
        pytest.param(_attention, id="attention"),
        pytest.param(_einsum, id="einsum"),
    ],
)
def test_the_artifact_has_one_output_and_computes_what_keras_does(body: Callable[[Any], Any], tmp_path: Path) -> None:
    model = classifier(body)
    artifact = export(model, tmp_path)
    assert [(end.element_type.to_string(), end.partial_shape.to_string()) for end in artifact.inputs] == [
        ("u8", "[?,8,12,3]")
    ]
    assert [(end.element_type.to_string(), end.partial_shape.to_string()) for end in artifact.outputs] == [
        ("f32", "[?,5]")
    ]
    pixels = np.random.default_rng(5).integers(0, 256, (3, *SHAPE), np.uint8)
    expected = np.asarray(model(pixels, training=False))
    assert np.abs(expected[0] - expected[1]).max() > 1e-4, "the outputs depend on the image"
    compiled = openvino.Core().compile_model(artifact, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled(pixels)[0], expected, atol=1e-5)


def test_an_operation_that_openvino_lacks_is_named_in_one_line(tmp_path: Path) -> None:
    import keras

    def cholesky(features: Any) -> Any:
        return keras.ops.cholesky(keras.ops.einsum("nhwc,nhwd->ncd", features, features) + keras.ops.eye(4))

    with pytest.raises(ArtifactBuildFailed, match=r"does not support.* Cholesky.*--runtime tensorflow") as caught:
        export(classifier(cholesky), tmp_path)
    assert "\n" not in str(caught.value)


def test_an_artifact_that_computes_something_else_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.runtimes import openvino_export
    from models.runtimes.tensorflow import trace

    def other(_graph: Any) -> openvino.Model:
        return openvino.convert_model(trace(classifier(_layer("ReLU")), SHAPE))

    monkeypatch.setattr(openvino_export, "_converted", other)
    with pytest.raises(ArtifactBuildFailed, match="OpenVINO and Keras disagree"):
        export(classifier(_layer("Activation", "tanh")), tmp_path)


def test_weights_that_are_not_numbers_are_rejected(tmp_path: Path) -> None:
    model = classifier(_layer("ReLU"))
    model.layers[-1].bias.assign([float("nan")] * 5)
    with pytest.raises(InvalidModel, match="not finite"):
        export(model, tmp_path)
