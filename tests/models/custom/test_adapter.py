"""The graph around users' models: pixels to what the model takes, outputs to probabilities, on both runtimes."""

from pathlib import Path

import numpy as np
import pytest

from models.architectures import build_keras_model
from models.runtimes.loading import load_runtime
from models.zoo import resolve_model
from tests.models.custom.saved import COLOURS, mean_colour, save, save_model, write_colour_model

# Keras saves its variables through a protocol of NumPy 1.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.usefixtures("keras_ready"),
]

PIXELS = np.random.default_rng(1).integers(0, 256, (2, 8, 12, 3), np.uint8)
BACKWARDS = PIXELS[..., ::-1].astype(float)

OPTIONS: dict[str, tuple[str, np.ndarray]] = {
    "as it is": ("", PIXELS.astype(float)),
    "0..1": ("input_range: 0..1", PIXELS / 255),
    "-1..1": ("input_range: -1..1", PIXELS / 127.5 - 1),
    "a range of its own": ("input_range: [-0.5, 0.5]", PIXELS / 255 - 0.5),
    "torch": ("input_range: torch", (PIXELS / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    "caffe": ("input_range: caffe", BACKWARDS - [103.939, 116.779, 123.68]),
    "mean": ("input_range: 0..255\nmean: 127.5\nstd: [1, 2, 4]", (PIXELS - 127.5) / [1, 2, 4]),
    "bgr": ("channel_order: bgr", BACKWARDS),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_pixels_are_scaled_as_the_options_say(case: str, tmp_path: Path) -> None:
    import keras

    options, expected = OPTIONS[case]
    image = keras.Input((8, 12, 3))
    path = tmp_path / "mine.keras"
    keras.Model(image, keras.layers.Flatten()(image)).save(path)
    (tmp_path / "model.yaml").write_text(options + "\nkind: multi-label\noutputs: probabilities\n")
    (tmp_path / "labels.txt").write_text("".join(f"{index}\n" for index in range(288)))
    values = np.asarray(build_keras_model(resolve_model(str(path)))(PIXELS)).reshape(PIXELS.shape)
    np.testing.assert_allclose(values, expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(("shape", "name"), [((8, 12, 1), "mine.keras"), ((8, 12), "mine.h5"), ((8, 12), "mine.hdf5")])
def test_grey_images(shape: tuple[int, ...], name: str, tmp_path: Path) -> None:
    import keras

    path = save(tmp_path, [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")], name)
    model = build_keras_model(resolve_model(str(path)))
    grey = PIXELS[..., :1]
    inner = keras.saving.load_model(path)
    np.testing.assert_allclose(model(grey), inner(grey.reshape(-1, *shape).astype("float32")), rtol=1e-4)


def test_channels_first(tmp_path: Path) -> None:
    import keras
    from keras import layers

    pooled = layers.GlobalAveragePooling2D(data_format="channels_first")
    path = save(tmp_path, [keras.Input((3, 8, 12)), pooled, layers.Dense(3, "softmax")])
    expected = keras.saving.load_model(path)(np.moveaxis(PIXELS, 3, 1).astype("float32"))
    np.testing.assert_allclose(build_keras_model(resolve_model(str(path)))(PIXELS), expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_dicts_and_content_of_another_suffix(tmp_path: Path) -> None:
    import keras

    image = keras.Input((8, 12, 3), name="image")
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.GlobalAveragePooling2D()(image))
    path = save_model(tmp_path, keras.Model({"image": image}, {"classes": outputs}))
    expected = keras.saving.load_model(path)({"image": PIXELS.astype("float32")})["classes"]
    np.testing.assert_allclose(build_keras_model(resolve_model(str(path)))(PIXELS), expected, atol=1e-4)
    save_model(tmp_path, keras.Model(image, outputs), "mine.h5").rename(path)
    np.testing.assert_allclose(build_keras_model(resolve_model(str(path)))(PIXELS), expected, atol=1e-4)


def test_integer_input(tmp_path: Path) -> None:
    import keras
    from keras import layers

    body = [layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")]
    path = save(tmp_path, [keras.Input((8, 12, 3), dtype="uint8"), *body])
    expected = keras.saving.load_model(path)(PIXELS)
    np.testing.assert_allclose(build_keras_model(resolve_model(str(path)))(PIXELS), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("runtime", "activation", "labels", "expected"),
    [
        ("tensorflow", "softmax", COLOURS, [1, 0, 0]),
        ("tensorflow", "linear", COLOURS, [1, 0, 0]),
        ("tensorflow", "sigmoid", COLOURS, [0.982, 0.5, 0.018]),
        ("tensorflow", "sigmoid", ["cold", "warm"], [0.018, 0.982]),
        ("tensorflow", "linear", ["cold", "warm"], [0.018, 0.982]),
        ("openvino", "linear", ["cold", "warm"], [0.018, 0.982]),
    ],
)
def test_outputs_become_probabilities(
    runtime: str, activation: str, labels: list[str], expected: list[float], tmp_path: Path
) -> None:
    path = write_colour_model(tmp_path / "mine.keras", activation=activation, labels=labels)
    loaded = load_runtime(
        resolve_model(str(path)), runtime=runtime, precision="fp32", artifacts_dir=tmp_path, batch_buckets=(1,)
    )
    loaded.warm_up()
    orange = np.full((1, 8, 8, 3), (255, 128, 0), np.uint8)
    assert loaded.predict(orange)[0] == pytest.approx(expected, abs=0.03)


def test_outputs_that_are_no_probabilities_are_noticed(tmp_path: Path) -> None:
    from keras.layers import Dense

    from models.errors import WarmUpFailed

    path = save(tmp_path, mean_colour(Dense(3, "sigmoid")))
    (tmp_path / "model.yaml").write_text("kind: multi-class\n")
    runtime = load_runtime(resolve_model(str(path)), runtime="tensorflow", artifacts_dir=tmp_path, batch_buckets=(1,))
    with pytest.raises(WarmUpFailed, match=r"rows sum to 1\.5"):
        runtime.warm_up()
