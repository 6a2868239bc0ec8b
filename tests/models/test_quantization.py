"""int8 by NNCF on real weights and photos: once for all tests, as it takes some seconds."""

import json
from pathlib import Path

import numpy as np
import pytest

from models import artifacts, child, quantization
from models.arrays import UInt8Array
from models.calibration import Calibration
from models.errors import NotAccurate, NotCalibrated, QuantizerMissing
from models.quantization import calibrate, calibration_of, find, folder_of
from models.runtimes.loading import load
from models.runtimes.runtime import Runtime
from models.zoo import resolve
from tests.models import photos

SPEC = resolve("efficientnet-lite0")


def fp32_of(artifacts_dir: Path) -> Path:
    return artifacts.ensure(SPEC, artifacts_dir)


@pytest.fixture(scope="module")
def halves() -> tuple[UInt8Array, UInt8Array]:
    """Four views each of every other photo, and of the photos between them: no scene is in both."""
    views = photos.pixels(photos.varied(), SPEC.transform)
    by_photo = views.reshape(-1, photos.VIEWS, *views.shape[1:])
    return np.concatenate(by_photo[1::2]), np.concatenate(by_photo[0::2])


@pytest.fixture(scope="module")
def calibration(artifacts_dir: Path, halves: tuple[UInt8Array, UInt8Array]) -> Calibration:
    return calibrate(SPEC, artifacts_dir, *halves)


@pytest.fixture(scope="module")
def int8(calibration: Calibration, artifacts_dir: Path) -> Runtime:
    assert calibration.is_good
    runtime = load(SPEC, runtime="openvino", precision="int8", artifacts_dir=artifacts_dir, threads=2)
    runtime.warm_up()
    return runtime


def test_it_says_on_photos_it_has_not_seen_what_keras_says_in_fp32(
    int8: Runtime, tensorflow_lite0: Runtime, halves: tuple[UInt8Array, UInt8Array]
) -> None:
    said, reference = int8.predict(halves[1]), tensorflow_lite0.predict(halves[1])
    assert np.mean(said.argmax(axis=1) == reference.argmax(axis=1)) >= 0.97
    rows, top = np.arange(len(said)), reference.argmax(axis=1)
    assert np.abs(said[rows, top] - reference[rows, top]).mean() <= 0.05


def test_it_recognises_the_labelled_photos(int8: Runtime) -> None:
    truth, images = zip(*photos.labelled(), strict=True)
    top = int8.predict(photos.pixels(list(images), SPEC.transform)).argmax(axis=1)
    assert sum(top == truth) >= 16


def test_it_computes_in_int8_and_says_so(int8: Runtime, openvino_lite0: Runtime, artifacts_dir: Path) -> None:
    assert (int8.precision, openvino_lite0.precision) == ("int8", "fp32")
    sizes = [path.with_suffix(".bin").stat().st_size for path in (find(SPEC, artifacts_dir), fp32_of(artifacts_dir))]
    assert sizes[0] < sizes[1] / 3


def test_what_was_measured_stays_with_it(calibration: Calibration, artifacts_dir: Path) -> None:
    assert calibration_of(SPEC, artifacts_dir) == calibration
    assert (calibration.photos, calibration.compared_on) == (52, 52)
    assert calibration.mean_difference < 0.05
    assert calibration.speedup > 0.5


@pytest.mark.usefixtures("calibration")
@pytest.mark.parametrize("name", quantization.FILES)
def test_a_damaged_one_is_refused_and_not_rebuilt(artifacts_dir: Path, name: str, tmp_path: Path) -> None:
    copy = folder_of(SPEC, tmp_path)
    copy.mkdir()
    for path in folder_of(SPEC, artifacts_dir).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert find(SPEC, tmp_path).parent == copy
    (copy / name).write_bytes(b"{}")
    with pytest.raises(NotCalibrated, match="raylens models calibrate efficientnet-lite0"):
        load(SPEC, runtime="openvino", precision="int8", artifacts_dir=tmp_path)


def test_where_none_is_there_the_command_is_named(tmp_path: Path) -> None:
    assert calibration_of(SPEC, tmp_path) is None
    with pytest.raises(NotCalibrated, match="raylens models calibrate efficientnet-lite0"):
        load(SPEC, runtime="openvino", precision="int8", artifacts_dir=tmp_path)


@pytest.fixture
def ruined(monkeypatch: pytest.MonkeyPatch, artifacts_dir: Path) -> None:
    """A quantization after which most classes have lost the weights they are told by, which lie at the end."""
    good = fp32_of(artifacts_dir)

    def quantize(_module: str, folder: Path, _fp32: Path, _what: str) -> None:
        weights = bytearray(good.with_suffix(".bin").read_bytes())
        weights[-4_500_000:-8_000] = bytes(4_492_000)
        (folder / "model.xml").write_bytes(good.read_bytes())
        (folder / "model.bin").write_bytes(weights)

    monkeypatch.setattr(child, "run", quantize)


@pytest.mark.usefixtures("ruined")
def test_one_that_says_something_else_is_not_kept_unless_it_is_wanted(
    artifacts_dir: Path, calibration: Calibration, tmp_path: Path, halves: tuple[UInt8Array, UInt8Array]
) -> None:
    few = halves[0][:12], halves[1][:12]
    with pytest.raises(NotAccurate, match=r"agree on \d+\.\d% of 12 photos"):
        calibrate(SPEC, artifacts_dir, *few)
    assert calibration_of(SPEC, artifacts_dir) == calibration, "the one of before stays"
    fp32 = fp32_of(artifacts_dir).parent
    (tmp_path / fp32.name).symlink_to(fp32)
    assert calibrate(SPEC, tmp_path, *few, keep_inaccurate=True).agreement < 0.5
    assert json.loads((folder_of(SPEC, tmp_path) / "calibration.json").read_bytes())["photos"] == 12


def test_without_nncf_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, halves: tuple[UInt8Array, UInt8Array]
) -> None:
    monkeypatch.setattr(quantization, "find_spec", lambda _: None)
    with pytest.raises(QuantizerMissing, match=r"pip install 'raylens\[int8\]'"):
        calibrate(SPEC, tmp_path, *halves)
    assert list(tmp_path.iterdir()) == []
