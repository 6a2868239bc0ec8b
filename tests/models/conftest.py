"""Models and artifacts, which are slow to build and therefore shared by all tests, artifacts also by all processes."""

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from benchmarks.applications import Comparison, comparing_applications
from models.arrays import Float32Array, UInt8Array
from models.artifacts import artifact_folder
from models.runtimes.loading import load_runtime
from models.runtimes.runtime import Runtime
from models.zoo import resolve_model
from tests.models import photos
from tests.servers.made_once import shared_folder
from tests.service import SHARED_DATA

COMPARED_SIZE: Final = 160
"""Less than many classifiers take by default: the layers are the same, but need a quarter of the time and memory."""
COMPARISONS = pytest.StashKey[Iterator[Comparison]]()
_STARTED = pytest.StashKey[ExitStack]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to compare the classifiers of keras.applications: it takes minutes of which other tests leave enough."""
    tests = [item for item in session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    names = [str(test.callspec.params["application"]) for test in tests if "application" in test.callspec.params]
    if names and not session.config.option.collectonly:
        started = session.config.stash[_STARTED] = ExitStack()
        session.config.stash[COMPARISONS] = started.enter_context(
            comparing_applications(names, COMPARED_SIZE, niceness=19)
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    if started := session.config.stash.get(_STARTED, None):
        started.close()


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
def artifacts_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = shared_folder(tmp_path_factory) / "artifacts"
    folder.mkdir(exist_ok=True)
    yield folder
    _provide_for_services(artifact_folder(resolve_model("efficientnet-lite0"), folder))


def _provide_for_services(built: Path) -> None:
    """Copy an artifact to where ``tests.service`` looks for it, so that it is not built again."""
    target = SHARED_DATA / "artifacts" / built.name
    draft = target.with_name(f".{built.name}-{os.getpid()}")
    if built.exists() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(built, draft)
        try:
            draft.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(draft)


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


@pytest.fixture(scope="session")
def reference(tensorflow_lite0: Runtime, varied_pixels: UInt8Array) -> Float32Array:
    """Probabilities of the Keras model for ``varied_pixels``."""
    return tensorflow_lite0.predict(varied_pixels)
