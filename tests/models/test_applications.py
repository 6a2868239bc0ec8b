"""Classifiers of ``keras.applications``: the table of the zoo, their preprocessing, a failed download."""

from pathlib import Path

import numpy as np
import pytest

from models.architectures import build_keras_model
from models.errors import WeightsUnavailable
from models.spec import ApplicationWeights
from models.zoo import ZOO, resolve_model

pytestmark = pytest.mark.usefixtures("keras_ready")


def test_the_table_matches_the_classifiers_of_keras() -> None:
    import keras

    rows = {w.function: w.module for spec in ZOO.values() if isinstance(w := spec.weights, ApplicationWeights)}
    names = {name for name in dir(keras.applications) if not name.startswith("_")}
    assert set(rows) == {name for name in names if not name.islower()}
    assert all(hasattr(getattr(keras.applications, module), "preprocess_input") for module in rows.values())


def test_a_failed_download_is_one_line_with_the_command_and_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras.src.backend.config

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(keras.src.backend.config, "_KERAS_DIR", str(tmp_path / "keras"))  # read at the first import
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(WeightsUnavailable, match=r"MobileNet.*raylens models prepare mobilenet") as caught:
        build_keras_model(resolve_model("mobilenet"))
    assert str(tmp_path / "keras" / "models") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mobilenet", pytest.param("densenet121", marks=pytest.mark.chaos)])  # a large graph
def test_the_model_applies_the_preprocessing_of_keras(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from models.architectures.application import build_application

    spec = resolve_model(name)
    assert isinstance(spec.weights, ApplicationWeights)
    untrained = getattr(keras.applications, spec.weights.function)(weights=None)
    monkeypatch.setattr(keras.applications, spec.weights.function, lambda **_: untrained)
    model = build_application(spec.weights, spec.transform)
    pixels = np.random.default_rng(2).integers(0, 256, (2, 224, 224, 3), np.uint8)
    preprocess = getattr(keras.applications, spec.weights.module).preprocess_input
    expected = np.asarray(untrained(preprocess(pixels.astype("float32"))))
    np.testing.assert_allclose(np.asarray(model(pixels)), expected, atol=1e-5)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == spec.parameters
