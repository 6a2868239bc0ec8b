"""User-provided models as Keras saves them: number formats, augmentation, nested structures, custom code."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.architectures import build_keras_model
from models.errors import InvalidModel
from models.zoo import resolve_model
from tests.models.custom.saved import save, save_model

if TYPE_CHECKING:
    import keras

pytestmark = [
    # Keras saves its variables through a protocol of NumPy 1.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.usefixtures("keras_ready"),
]

SIZE = 8


def pixels() -> Any:
    return np.random.default_rng(3).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


def head(policy: str | None = None) -> list[Any]:
    from keras import layers

    features = [layers.Conv2D(4, 3, activation="silu", dtype=policy), layers.Flatten()]
    return [*features, layers.Dense(3, dtype=policy), layers.Softmax(dtype="float32")]


def scaling() -> Any:
    from keras import layers

    return layers.Rescaling(1 / 255)


def functional(*layers: Any, **options: Any) -> "keras.Model":
    """The first layer is called with the options."""
    import keras

    image = keras.Input((SIZE, SIZE, 3))
    x = layers[0](image, **options)
    for layer in layers[1:]:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    ("policy", "suffix"),
    [
        ("mixed_float16", ".keras"),
        ("mixed_bfloat16", ".h5"),
        ("float16", ".h5"),
        ("bfloat16", ".keras"),
        ("float64", ".keras"),
    ],
)
def test_other_number_formats_are_computed_in_float32(policy: str, suffix: str, tmp_path: Path) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(4)
    normalization = layers.Normalization(dtype=policy)
    normalization.adapt(pixels().astype("float32"))  # derives tensors from its weights, in this format
    original = functional(normalization, *head(policy))
    expected = np.asarray(keras.ops.cast(original(pixels().astype("float32")), "float32"))
    assert np.ptp(expected) > 0.1
    model = build_keras_model(resolve_model(str(save_model(tmp_path, original, f"mine{suffix}"))))
    np.testing.assert_allclose(np.asarray(model(pixels())), expected, atol=0.01)
    types = {str(weight.dtype) for weight in model.weights} | {layer.compute_dtype for layer in model._flatten_layers()}
    assert types <= {"float32", "int64"}  # Normalization counts images


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning")
@pytest.mark.parametrize("mode", ["int8", "float8", "int4"])
def test_quantized_layers_run_on_openvino(mode: str, tmp_path: Path) -> None:
    import keras
    import openvino
    from keras import layers

    from models.runtimes.openvino_export import export_to_openvino

    keras.utils.set_random_seed(4)
    original = functional(scaling(), layers.Flatten(), layers.Dense(16), layers.Dense(3), layers.Softmax())
    original.quantize(mode)
    expected = np.asarray(original(pixels().astype("float32")))
    model = build_keras_model(resolve_model(str(save_model(tmp_path, original))))
    export_to_openvino(model, (SIZE, SIZE, 3), tmp_path / "model.xml")
    compiled = openvino.Core().compile_model(tmp_path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled(pixels())[0], expected, atol=0.02)
    assert np.ptp(expected) > 0.1


def _augmentation() -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            layers.RandomFlip(),
            layers.RandomRotation(0.2),
            layers.RandomZoom(0.2),
            layers.RandomContrast(0.2),
            layers.MixUp(),
            layers.GaussianNoise(1.0),
            layers.Dropout(0.5),
        ]
    )


def test_augmentation_is_inactive_even_if_the_model_was_saved_with_training(tmp_path: Path) -> None:
    from models.runtimes.tensorflow import OUTPUT, trace

    layers = [_augmentation(), scaling(), *head()]
    saved = save_model(tmp_path, functional(*layers, training=True))
    plain = functional(*layers[1:])
    model = build_keras_model(resolve_model(str(saved)))
    graph = trace(model, (SIZE, SIZE, 3))
    expected = np.asarray(plain(pixels().astype("float32")))
    np.testing.assert_allclose(graph(pixels())[OUTPUT].numpy(), expected, atol=1e-5)


def test_layers_may_have_names_in_any_script(tmp_path: Path) -> None:
    import keras
    from keras import layers

    from models.runtimes.tensorflow import OUTPUT, trace

    inner = keras.Sequential([layers.Conv2D(4, 3, name="слой"), layers.ReLU(name="ein Name")], name="日本")
    original = functional(scaling(), inner, layers.Flatten(name="-"), layers.Dense(3, "softmax", name="été"))
    model = build_keras_model(resolve_model(str(save_model(tmp_path, original))))
    expected = np.asarray(original(pixels().astype("float32")))
    np.testing.assert_allclose(trace(model, (SIZE, SIZE, 3))(pixels())[OUTPUT].numpy(), expected, atol=1e-6)


def _in_lists(image: Any, outputs: Any) -> tuple[Any, Any]:
    return [image], [outputs]


def _in_dictionaries(image: Any, outputs: Any) -> tuple[Any, Any]:
    return {"picture": image}, {"scores": outputs}


@pytest.mark.parametrize("wrap", [_in_lists, _in_dictionaries])
def test_lists_and_dictionaries_of_one_are_unwrapped(
    wrap: Callable[[Any, Any], tuple[Any, Any]], tmp_path: Path
) -> None:
    import keras

    inner = functional(scaling(), *head())
    image = keras.Input((SIZE, SIZE, 3), name="picture")
    saved = save_model(tmp_path, keras.Model(*wrap(image, inner(image))))
    model = build_keras_model(resolve_model(str(saved)))
    expected = np.asarray(inner(pixels().astype("float32")))
    np.testing.assert_allclose(np.asarray(model(pixels())), expected, atol=1e-6)


def test_feature_maps_are_rejected_in_one_line(tmp_path: Path) -> None:
    import keras
    from keras import layers

    saved = save(tmp_path, [keras.Input((SIZE, SIZE, 3)), layers.Conv2D(3, 1, activation="softmax")])
    with pytest.raises(InvalidModel, match=r"returns \(N, 8, 8, 3\); a classifier returns") as caught:
        build_keras_model(resolve_model(str(saved)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_custom_layers_are_named_in_one_line(suffix: str, tmp_path: Path) -> None:
    import keras
    from keras import layers

    class Doubled(layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return 2 * x

    body = [keras.Input((SIZE, SIZE, 3)), Doubled(), layers.Flatten(), layers.Dense(3, activation="softmax")]
    with pytest.raises(InvalidModel, match=r"needs Doubled, Python code outside of Keras") as caught:
        build_keras_model(resolve_model(str(save(tmp_path, body, f"mine{suffix}"))))
    assert "\n" not in str(caught.value)
