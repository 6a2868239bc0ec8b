"""User-provided .keras files: spec, labels, loading and inference."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.errors import InvalidModel
from models.labels import labels_of
from models.runtimes.loading import load_runtime
from models.zoo import resolve_model

# Keras saves its variables through a protocol of NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

NAMES = ["daisy", "rose", "tulip"]


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory, keras_ready: None) -> Path:
    """A tiny classifier whose outputs are logits."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    body = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    path = tmp_path_factory.mktemp("user") / "My Flowers.keras"
    keras.Sequential([keras.Input((32, 32, 3)), *body]).save(path)
    path.with_name("My Flowers.labels.json").write_text(json.dumps(NAMES))
    return path


def test_the_spec_is_derived_from_the_file(flowers: Path) -> None:
    spec = resolve_model(str(flowers))
    assert (spec.name, spec.title, spec.transform.height) == ("my-flowers", "My Flowers", 32)
    labels = labels_of(spec)
    assert [labels.name(index) for index in range(len(labels))] == NAMES


def test_both_runtimes_agree_with_the_original_model(flowers: Path, artifacts_dir: Path) -> None:
    import keras

    pixels = np.random.default_rng(1).integers(0, 256, (7, 32, 32, 3), np.uint8)
    logits = np.asarray(keras.saving.load_model(flowers)(pixels.astype("float32")))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for name in ("openvino", "tensorflow"):
        runtime = load_runtime(
            resolve_model(str(flowers)),
            runtime=name,
            precision="auto",
            artifacts_dir=artifacts_dir,
            batch_buckets=(1, 4),
        )
        runtime.warm_up()
        np.testing.assert_allclose(runtime.predict(pixels), expected, atol=1e-4)
        assert runtime.predict(pixels[:0]).shape == (0, 3)
        assert runtime.name == name


def test_the_number_of_labels_must_match_the_outputs(flowers: Path, tmp_path: Path) -> None:
    copy = tmp_path / "flowers.keras"
    copy.write_bytes(flowers.read_bytes())
    (tmp_path / "labels.json").write_text(json.dumps([*NAMES, "one more"]))
    with pytest.raises(InvalidModel, match=r"3 outputs.* 4 names"):
        load_runtime(resolve_model(str(copy)), runtime="tensorflow", artifacts_dir=tmp_path)


def test_missing_labels_are_reported_with_the_expected_paths(flowers: Path, tmp_path: Path) -> None:
    copy = tmp_path / "flowers.keras"
    copy.write_bytes(flowers.read_bytes())
    with pytest.raises(InvalidModel, match=r"flowers\.labels\.json or labels\.json"):
        resolve_model(str(copy))


def test_a_file_that_is_not_a_model_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    path.write_bytes(b"not a zip")
    with pytest.raises(InvalidModel, match=r"not a \.keras file"):
        resolve_model(str(path))


def test_a_file_with_code_is_rejected(keras_ready: None, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "lambda.keras"
    body = [keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x[:, 0, 0, :])]
    keras.Sequential(body).save(path)
    (tmp_path / "labels.json").write_text(json.dumps(NAMES))
    with pytest.raises(InvalidModel, match=r"Lambda.*code"):
        load_runtime(resolve_model(str(path)), runtime="tensorflow", artifacts_dir=tmp_path)
