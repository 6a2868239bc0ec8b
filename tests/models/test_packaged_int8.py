"""int8 with the statistics that Raylens brings: it needs no photos, and gives way to a calibration."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import activation_statistics, quantization
from models.activation_statistics import PACKAGED, ActivationStatistics
from models.arrays import Float32Array, UInt8Array
from models.artifacts import artifact_folder
from models.errors import StatisticsMismatch
from models.quantization import ensure_int8, int8_folder, read_report
from models.runtimes.loading import load_runtime
from models.runtimes.runtime import Runtime
from models.spec import EfficientNetLiteWeights
from models.zoo import ZOO, resolve_model

SPEC = resolve_model("efficientnet-lite0")


@pytest.fixture
def prepared(openvino_lite0: Runtime, artifacts_dir: Path, tmp_path: Path) -> Path:
    """A folder with the fp32 artifact only."""
    assert openvino_lite0
    fp32 = artifact_folder(SPEC, artifacts_dir)
    (tmp_path / fp32.name).symlink_to(fp32)
    return tmp_path


def test_int8_runs_at_once_and_agrees_with_keras(
    prepared: Path, varied_pixels: UInt8Array, reference: Float32Array
) -> None:
    int8 = load_runtime(SPEC, runtime="openvino", precision="int8", artifacts_dir=prepared)
    int8.warm_up()
    assert int8.precision == "int8"
    predicted, top = int8.predict(varied_pixels), reference.argmax(axis=1)
    # 101 of 104, of which many are crops that fp32 is uncertain of; 996 of 1,000 whole photos, see the files.
    assert np.mean(predicted.argmax(axis=1) == top) >= 0.95
    rows = np.arange(len(top))
    assert np.abs(predicted[rows, top] - reference[rows, top]).mean() <= 0.02


def test_the_artifact_is_built_once_and_gives_way_to_a_calibration(prepared: Path) -> None:
    first = ensure_int8(SPEC, prepared)
    built_at = first.stat().st_mtime_ns
    assert ensure_int8(SPEC, prepared).stat().st_mtime_ns == built_at
    packaged = read_report(SPEC, prepared)
    assert packaged
    assert packaged.agreement >= 0.99
    first.parent.rename(own := int8_folder(SPEC, prepared))
    statistics = ActivationStatistics.read(own / quantization.STATISTICS)
    assert ensure_int8(SPEC, prepared).parent == own
    replace(statistics, report=replace(packaged, photos=12)).write(own / quantization.STATISTICS)
    calibrated = read_report(SPEC, prepared)
    assert calibrated
    assert calibrated.photos == 12


def test_a_damaged_artifact_is_built_again(prepared: Path) -> None:
    model_xml = ensure_int8(SPEC, prepared)
    content = model_xml.read_bytes()
    model_xml.write_bytes(b"damaged")
    assert ensure_int8(SPEC, prepared).read_bytes() == content


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.json")), ids=lambda path: path.stem)
def test_each_file_fits_the_weights_of_its_model(path: Path) -> None:
    statistics = ActivationStatistics.read(path)
    statistics.check_weights(ZOO[path.stem])
    assert statistics.report
    assert statistics.report.is_accurate
    assert statistics.report.speedup is None, "depends on the machine"
    assert statistics.photos == statistics.report.photos >= 100


def test_every_model_whose_weights_come_in_a_package_has_statistics() -> None:
    packaged = {spec.name for spec in ZOO.values() if isinstance(spec.weights, EfficientNetLiteWeights)}
    assert packaged == {path.stem for path in PACKAGED.glob("*.json")}


def test_statistics_of_other_weights_are_rejected(tmp_path: Path) -> None:
    assert isinstance(SPEC.weights, EfficientNetLiteWeights)
    other = replace(SPEC, weights=replace(SPEC.weights, sha256="0123456789abcdef" * 4))
    with pytest.raises(StatisticsMismatch) as raised:
        ensure_int8(other, tmp_path)
    message = str(raised.value)
    assert "do not fit the weights of efficientnet-lite0" in message
    assert all(words in message for words in ("0123456789abcdef…", "raylens models calibrate", "precision to auto"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"layers": [{"low": 0}]}'])
def test_a_damaged_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (tmp_path / "efficientnet-lite0.json").write_text(content)
    monkeypatch.setattr(activation_statistics, "PACKAGED", tmp_path)
    with pytest.raises(StatisticsMismatch, match=r"efficientnet-lite0\.json is damaged"):
        ensure_int8(SPEC, tmp_path / "artifacts")
    assert read_report(SPEC, tmp_path / "artifacts") is None


def test_statistics_of_other_layers_are_rejected(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = ActivationStatistics.read(PACKAGED / "efficientnet-lite0.json")
    changed = prepared / "changed"
    changed.mkdir()
    replace(statistics, layers=statistics.layers[1:]).write(changed / "efficientnet-lite0.json")
    monkeypatch.setattr(activation_statistics, "PACKAGED", changed)
    with pytest.raises(StatisticsMismatch, match="a model with other layers"):
        ensure_int8(SPEC, prepared)
