"""What the outputs of users' models mean, read from their files without Keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def _head(*layers: str) -> Callable[[], Any]:
    def build() -> Any:
        import keras

        last = [eval(layer, {"layers": keras.layers}) for layer in layers]
        return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), *last])

    return build


def _operation(name: str) -> Callable[[], Any]:
    def build() -> Any:
        import keras

        image = keras.Input((8, 8, 3))
        logits = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(image))
        return keras.Model(image, getattr(keras.ops, name)(logits))

    return build


def _nested() -> Any:
    import keras

    head = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), keras.layers.Activation("softmax")])
    image = keras.Input((8, 8, 3))
    return keras.Model(image, head(keras.layers.GlobalAveragePooling2D()(image)))


def _ensemble() -> Any:
    import keras
    from keras import layers

    image = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(image)
    return keras.Model(image, layers.Average()([layers.Dense(3, "softmax")(pooled) for _ in range(2)]))


def _mobilenet_head() -> Any:
    import keras
    from keras import layers

    parts = [layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(3, 1), layers.Reshape((3,))]
    return keras.Sequential([keras.Input((8, 8, 3)), *parts, layers.Activation("softmax")])


HEADS: dict[str, tuple[Callable[[], Any], str, str | None]] = {
    "softmax": (_head("layers.Dense(3, 'softmax')"), "multi-class", None),
    "softmax layer": (_head("layers.Dense(3)", "layers.Softmax()"), "multi-class", None),
    "softmax in float32": (_head("layers.Dense(3)", "layers.Softmax(dtype='float32')"), "multi-class", None),
    "softmax operation": (_operation("softmax"), "multi-class", None),
    "softmax in a nested model": (_nested, "multi-class", None),
    "ensemble": (_ensemble, "multi-class", None),
    "convolution": (_mobilenet_head, "multi-class", None),
    "logits": (_head("layers.Dense(3)"), "multi-class", "softmax"),
    "logits in float32": (_head("layers.Dense(3)", "layers.Activation('linear')"), "multi-class", "softmax"),
    "log softmax": (_operation("log_softmax"), "multi-class", "softmax"),
    "sigmoid": (_head("layers.Dense(3, 'sigmoid')"), "multi-label", None),
    "sigmoid layer": (_head("layers.Dense(3)", "layers.Activation('sigmoid')"), "multi-label", None),
    "sigmoid operation": (_operation("sigmoid"), "multi-label", None),
    "one sigmoid": (_head("layers.Dense(1, 'sigmoid')"), "binary", None),
    "one logit": (_head("layers.Dense(1)"), "binary", "sigmoid"),
}  # fmt: skip


@pytest.mark.parametrize("case", HEADS)
def test_the_last_layers_tell_what_the_outputs_mean(case: str, tmp_path: Path) -> None:
    build, kind, activation = HEADS[case]
    labels = ["cat", "dog"] if kind == "binary" else None
    spec = resolve_model(str(save_model(tmp_path, build(), labels=labels)))
    assert isinstance(spec.weights, KerasFileWeights)
    assert (spec.kind, spec.weights.adapter.activation) == (kind, activation)


def test_outputs_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    path = save_model(tmp_path, _head("layers.Dense(3, 'relu')")())
    with pytest.raises(InvalidModel, match=r"`kind: multi-class`.* `outputs: probabilities`.* mine\.model\.yaml"):
        resolve_model(str(path))
    (tmp_path / "model.yaml").write_text("kind: multi-label\noutputs: logits\n")
    assert resolve_model(str(path)).kind == "multi-label"


def test_a_softmax_over_one_output_is_rejected(tmp_path: Path) -> None:
    path = save_model(tmp_path, _head("layers.Dense(1, 'softmax')")(), labels=["cat", "dog"])
    with pytest.raises(InvalidModel, match="always 1"):
        resolve_model(str(path))


def test_a_binary_model_needs_two_labels(tmp_path: Path) -> None:
    path = save_model(tmp_path, _head("layers.Dense(1, 'sigmoid')")(), labels=["a", "b", "c"])
    with pytest.raises(InvalidModel, match="needs two names, not 3"):
        resolve_model(str(path))


def test_probabilities_that_a_layer_changes_are_not_taken_for_logits(tmp_path: Path) -> None:
    from keras.layers import Dense, Rescaling

    path = save(tmp_path, [*mean_colour(Dense(3, activation="softmax")), Rescaling(2.0)])
    with pytest.raises(InvalidModel, match=r"the last layer, rescaling.*, does not tell what the outputs mean"):
        resolve_model(str(path))
    (tmp_path / "model.yaml").write_text("kind: multi-label\noutputs: probabilities")
    assert resolve_model(str(path)).kind == "multi-label"
