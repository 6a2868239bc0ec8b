"""The input range of users' models, read from their files without Keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.spec import Adapter, KerasFileWeights, ModelSpec
from models.zoo import resolve_model
from tests.models.custom.saved import mean_colour, save, save_model

# Keras saves its variables through a protocol of NumPy 1.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.usefixtures("keras_ready"),
]

PIXELS = np.random.default_rng(0).normal(0, 1, (64, 8, 8, 3))
"""Of normal distribution; scaled to the mean and deviation of photos in some range."""


def pixels_of(spec: ModelSpec) -> tuple[str, Adapter, bool]:
    """The range found, the adapter, and whether the range was only assumed."""
    assert spec.findings
    assert isinstance(spec.weights, KerasFileWeights)
    return spec.findings.pixels.partition(",")[0], spec.weights.adapter, bool(spec.findings.warnings)


def _preprocessed(preprocess: Callable[[Any], Any]) -> Callable[[], Any]:
    def build() -> Any:
        import keras

        image = keras.Input((8, 8, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(preprocess(image))
        return keras.Model(image, keras.layers.Dense(3, "softmax")(pooled))

    return build


def _scaled(*layers: str) -> Callable[[], Any]:
    def build() -> Any:
        import keras

        first = [eval(layer, {"layers": keras.layers}) for layer in layers]
        head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, "softmax")]
        return keras.Sequential([keras.Input((8, 8, 3)), *first, *head])

    return build


def _adapted(kind: str, mean: float, deviation: float) -> Callable[[], Any]:
    """Normalization that has seen data, or batch normalization that was trained."""

    def build() -> Any:
        import keras

        layer = getattr(keras.layers, kind)()
        if kind == "Normalization":
            layer.adapt(PIXELS * deviation + mean)
        model = keras.Sequential(
            [keras.Input((8, 8, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
        )
        if kind == "BatchNormalization":
            layer.moving_mean.assign([mean] * 3)
            layer.moving_variance.assign([deviation**2] * 3)
        return model

    return build


def _transfer(outer: str | None, inner: str | None) -> Callable[[], Any]:
    """A base model inside another one, with a Rescaling layer outside, inside or neither."""

    def build() -> Any:
        import keras
        from keras import layers

        base_input = keras.Input((8, 8, 3))
        x = eval(inner, {"layers": layers})(base_input) if inner else base_input
        base = keras.Model(base_input, layers.Conv2D(4, 3)(x), name="mobilenetv2_1.00_224")
        augmentation = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)])
        image = keras.Input((8, 8, 3))
        x = augmentation(image)
        x = eval(outer, {"layers": layers})(x) if outer else x
        x = layers.GlobalAveragePooling2D()(base(x, training=False))
        return keras.Model(image, layers.Dense(3)(layers.Dropout(0.2)(x)))

    return build


def _applications(module: str) -> Callable[[Any], Any]:
    def preprocess(image: Any) -> Any:
        import keras

        return getattr(keras.applications, module).preprocess_input(image)

    return preprocess


RANGES: dict[str, tuple[Callable[[], Any], str]] = {
    "rescaling to 0..1": (_scaled("layers.Rescaling(1 / 255)"), "0..255"),
    "rescaling to -1..1": (_scaled("layers.Rescaling(1 / 127.5, offset=-1)"), "0..255"),
    "rescaling from 0..1": (_scaled("layers.Rescaling(2.0, offset=-1)"), "0..1"),
    "rescaling to 0..255": (_scaled("layers.Rescaling(255.0)"), "0..1"),
    "rescaling from -1..1": (_scaled("layers.Rescaling(127.5, offset=127.5)"), "-1..1"),
    "augmentation first": (_scaled("layers.RandomFlip()", "layers.Rescaling(1 / 255)"), "0..255"),
    "fixed normalization": (_scaled("layers.Normalization(mean=[120, 117, 104], variance=[70**2] * 3)"), "0..255"),
    "normalization of 0..1": (_scaled("layers.Normalization(mean=[.48, .45, .41], variance=[.05, .05, .05])"), "0..1"),
    "adapted to 0..255": (_adapted("Normalization", 118, 60), "0..255"),
    "adapted to 0..1": (_adapted("Normalization", 0.46, 0.25), "0..1"),
    "adapted to -1..1": (_adapted("Normalization", -0.06, 0.5), "-1..1"),
    "trained on 0..255": (_adapted("BatchNormalization", 118, 60), "0..255"),
    "trained on 0..1": (_adapted("BatchNormalization", 0.46, 0.25), "0..1"),
    "division": (_preprocessed(lambda x: x / 255.0), "0..255"),
    "multiplication": (_preprocessed(lambda x: x * (1 / 255.0)), "0..255"),
    "subtraction": (_preprocessed(lambda x: (x - 127.5) / 127.5), "0..255"),
    "operations on 0..1": (_preprocessed(lambda x: (x - 0.5) * 2), "0..1"),
    "caffe": (_preprocessed(_applications("resnet50")), "0..255"),
    "torch": (_preprocessed(_applications("densenet")), "0..255"),
    "tf": (_preprocessed(_applications("mobilenet_v2")), "0..255"),
    "scaled outside of the base": (_transfer("layers.Rescaling(1 / 127.5, offset=-1)", None), "0..255"),
    "scaled inside of the base": (_transfer(None, "layers.Rescaling(1 / 255)"), "0..255"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", RANGES)
def test_the_input_range_is_told_by_the_first_layer_that_scales(case: str, suffix: str, tmp_path: Path) -> None:
    build, expected = RANGES[case]
    found, adapter, assumed = pixels_of(resolve_model(str(save_model(tmp_path, build(), f"mine{suffix}"))))
    low, high = {"0..255": (0, 255), "0..1": (0, 1), "-1..1": (-1, 1)}[expected]
    assert (found, assumed) == (expected, False)
    assert adapter.scale == pytest.approx(((high - low) / 255,))
    assert adapter.offset == (low,)


def test_without_a_scaling_layer_the_range_is_assumed_with_a_warning(tmp_path: Path) -> None:
    from keras.layers import Dense

    path = save(tmp_path, mean_colour(Dense(3, "softmax")))
    spec = resolve_model(str(path))
    assert pixels_of(spec) == ("0..255", Adapter(), True)
    assert spec.findings
    assert "`input_range: 0..1`" in spec.findings.warnings[0]
    assert "mine.model.yaml" in spec.findings.warnings[0]
    (tmp_path / "mine.model.yaml").write_text("input_range: 0..255\n")
    assert pixels_of(resolve_model(str(path))) == ("0..255", Adapter(), False)


def test_the_warning_names_the_range_of_a_known_base_model(tmp_path: Path) -> None:
    spec = resolve_model(str(save_model(tmp_path, _transfer(None, None)())))
    assert spec.findings
    assert "mobilenetv2_1.00_224" in spec.findings.warnings[0]
    assert "`input_range: -1..1`" in spec.findings.warnings[0]
