from pathlib import Path

import numpy as np
import pytest

from models.artifacts import ensure_artifact
from models.errors import WeightsUnavailable
from models.zoo import resolve_model


def test_the_error_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(WeightsUnavailable, match=r"MobileNet.*raylens models prepare mobilenet") as caught:
        ensure_artifact(resolve_model("mobilenet"), tmp_path / "artifacts")
    assert str(tmp_path / "keras" / "models") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mobilenet", pytest.param("densenet121", marks=pytest.mark.chaos)])  # a large graph
@pytest.mark.usefixtures("keras_ready")
def test_the_model_applies_the_preprocessing_of_keras(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from models.architectures.application import build_application
    from models.spec import ApplicationWeights

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
