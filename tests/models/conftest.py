"""Models and artifacts, which are slow to build and therefore shared by all tests."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.arrays import UInt8Array
from models.runtimes.loading import load_runtime
from models.runtimes.runtime import Runtime
from models.zoo import resolve_model
from tests.models import photos


@contextmanager
def importing_tensorflow() -> Iterator[None]:
    """Ignore the deprecation warnings that importing TensorFlow and its dependencies causes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="session")
def keras_ready() -> None:
    with importing_tensorflow():
        import keras
        import tensorflow

        assert keras.backend.backend() == "tensorflow"
        assert tensorflow.executing_eagerly()


@pytest.fixture(scope="session")
def artifacts_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="session")
def openvino_lite0(artifacts_dir: Path) -> Runtime:
    """In fp32 on every machine, with two streams."""
    runtime = load_runtime(
        resolve_model("efficientnet-lite0"),
        runtime="openvino",
        precision="fp32",
        artifacts_dir=artifacts_dir,
        threads=2,
        batch_buckets=(1, 4),
    )
    runtime.warm_up()
    return runtime


@pytest.fixture(scope="session")
def tensorflow_lite0(keras_ready: None, artifacts_dir: Path) -> Runtime:
    return load_runtime(
        resolve_model("efficientnet-lite0"), runtime="tensorflow", artifacts_dir=artifacts_dir, batch_buckets=(1, 4, 16)
    )


@pytest.fixture(scope="session")
def varied_pixels() -> UInt8Array:
    return photos.pixels(photos.varied(), resolve_model("efficientnet-lite0").transform)
