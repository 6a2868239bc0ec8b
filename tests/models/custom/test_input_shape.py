"""The shape of the images that users' models take, read from their files without Keras."""

from pathlib import Path

import pytest

from models.errors import InvalidModel
from models.spec import KerasFileWeights
from models.zoo import resolve_model
from tests.models.custom.saved import mean_colour, save, save_model

# Keras saves its variables through a protocol of NumPy 1.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.usefixtures("keras_ready"),
]


SHAPES: dict[str, tuple[tuple[int | None, ...], str, tuple[int, int, int]]] = {
    "square": ((8, 8, 3), "", (8, 8, 3)),
    "not square": ((8, 12, 3), "", (8, 12, 3)),
    "grey": ((8, 8, 1), "", (8, 8, 1)),
    "grey without channels": ((8, 8), "", (8, 8, 1)),
    "any size": ((None, None, 3), "size: 16", (16, 16, 3)),
    "any size, not square": ((None, None, 1), "size: [16, 24]", (16, 24, 1)),
    "any width": ((8, None, 3), "size: [8, 24]", (8, 24, 3)),
    "channels first": ((3, 8, 12), "", (8, 12, 3)),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_input_shape_is_read_from_the_model(case: str, tmp_path: Path) -> None:
    import keras

    shape, options, expected = SHAPES[case]
    (tmp_path / "model.yaml").write_text(options)
    body = [] if len(shape) == 2 else [keras.layers.GlobalAveragePooling2D(data_format="channels_first")]
    if case != "channels first" and body:
        body = [keras.layers.GlobalAveragePooling2D()]
    flat = body or [keras.layers.Flatten()]
    path = save(tmp_path, [keras.Input(shape), *flat, keras.layers.Dense(3)])
    spec = resolve_model(str(path))
    assert spec.transform.shape == expected
    assert isinstance(spec.weights, KerasFileWeights)
    assert spec.weights.adapter.channels_first == (case == "channels first")


def test_channels_that_the_model_itself_moves_come_first(tmp_path: Path) -> None:
    from keras import Input, layers

    body = [layers.Permute((2, 3, 1)), layers.GlobalAveragePooling2D(data_format="channels_last"), layers.Dense(3)]
    spec = resolve_model(str(save(tmp_path, [Input((3, 8, 12)), *body])))
    assert spec.transform.shape == (8, 12, 3)
    assert isinstance(spec.weights, KerasFileWeights)
    assert spec.weights.adapter.channels_first


def test_a_resizing_layer_tells_the_size_of_a_model_that_takes_any(tmp_path: Path) -> None:
    import keras
    from keras import layers

    body = [layers.Resizing(24, 16), layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    path = save(tmp_path, [keras.Input((None, None, 3)), *body])
    assert resolve_model(str(path)).transform.shape == (24, 16, 3)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((None, None, 3), "", r"`size: 224`"),
        ((8, 8, 3), "size: 16", "takes 8 × 8 pixels"),
        ((8, 8, 4), "", r"RGB or grey images.* not \(None, 8, 8, 4\)"),
    ],
)
def test_inputs_that_cannot_be_served(
    shape: tuple[int | None, ...], options: str, message: str, tmp_path: Path
) -> None:
    from keras.layers import Dense

    (tmp_path / "model.yaml").write_text(options)
    path = save(tmp_path, mean_colour(Dense(3), shape))  # type: ignore[arg-type]
    with pytest.raises(InvalidModel, match=message):
        resolve_model(str(path))


def test_a_sequential_model_that_was_built_by_its_first_call(tmp_path: Path) -> None:
    import numpy as np
    from keras import Sequential, layers

    model = Sequential([layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(), layers.Dense(3)])
    model(np.zeros((1, 8, 12, 3)))
    spec = resolve_model(str(save_model(tmp_path, model)))
    assert spec.transform.shape == (8, 12, 3)
    assert spec.findings
    assert not spec.findings.warnings


def test_several_inputs_are_rejected(tmp_path: Path) -> None:
    import keras
    from keras import layers

    images = [keras.Input((8, 8, 3)) for _ in range(2)]
    pooled = layers.GlobalAveragePooling2D()(layers.Add()(images))
    path = save_model(tmp_path, keras.Model(images, layers.Dense(3)(pooled)))
    with pytest.raises(InvalidModel, match="has 2 inputs"):
        resolve_model(str(path))
