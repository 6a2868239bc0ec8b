"""int8 quantization on a user's photos, with real weights and photos, done once for all tests."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from models import artifacts, child_process, quantization
from models.arrays import Float32Array, UInt8Array
from models.errors import NotQuantized, QuantizationInaccurate
from models.quantization import ensure_int8, int8_folder, quantize, read_report
from models.quantization_report import QuantizationReport
from models.runtimes.loading import load_runtime
from models.runtimes.openvino import OpenVINORuntime
from models.runtimes.runtime import Runtime
from models.zoo import resolve_model
from tests.models import photos

SPEC = resolve_model("efficientnet-lite0")


def fp32_of(artifacts_dir: Path) -> Path:
    return artifacts.ensure_artifact(SPEC, artifacts_dir)


@pytest.fixture(scope="module")
def halves(varied_pixels: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Views for calibration and for the comparison, made from different photos."""
    odd = of_odd_photos(len(varied_pixels))
    return varied_pixels[odd], varied_pixels[~odd]


def of_odd_photos(views: int) -> npt.NDArray[np.bool_]:
    return np.array([view // photos.VIEWS % 2 == 1 for view in range(views)])


@pytest.fixture(scope="module")
def report(artifacts_dir: Path, halves: tuple[UInt8Array, UInt8Array]) -> QuantizationReport:
    return quantize(SPEC, artifacts_dir, *halves)


@pytest.fixture(scope="module")
def int8(report: QuantizationReport, artifacts_dir: Path) -> Runtime:
    assert report.is_accurate
    runtime = load_runtime(SPEC, runtime="openvino", precision="int8", artifacts_dir=artifacts_dir, threads=2)
    runtime.warm_up()
    return runtime


def test_int8_agrees_with_keras_on_held_out_photos(
    int8: Runtime, reference: Float32Array, halves: tuple[UInt8Array, UInt8Array]
) -> None:
    predicted, expected = int8.predict(halves[1]), reference[~of_odd_photos(len(reference))]
    assert np.mean(predicted.argmax(axis=1) == expected.argmax(axis=1)) >= 0.97
    rows, top = np.arange(len(predicted)), expected.argmax(axis=1)
    assert np.abs(predicted[rows, top] - expected[rows, top]).mean() <= 0.05


def test_int8_classifies_the_labelled_photos(int8: Runtime) -> None:
    truth, images = zip(*photos.labelled(), strict=True)
    top = int8.predict(photos.pixels(list(images), SPEC.transform)).argmax(axis=1)
    assert sum(top == truth) >= 16


def test_the_runtime_reports_int8_and_the_artifact_is_smaller(
    int8: Runtime, openvino_lite0: Runtime, artifacts_dir: Path
) -> None:
    assert (int8.precision, openvino_lite0.precision) == ("int8", "fp32")
    assert isinstance(int8, OpenVINORuntime)
    rest = int8._shared.model.get_property("INFERENCE_PRECISION_HINT")
    assert rest.get_type_name() == "f32", "on every processor"
    sizes = [
        path.with_suffix(".bin").stat().st_size for path in (ensure_int8(SPEC, artifacts_dir), fp32_of(artifacts_dir))
    ]
    assert sizes[0] < sizes[1] / 3


def test_the_report_is_stored_with_the_artifact(report: QuantizationReport, artifacts_dir: Path) -> None:
    assert read_report(SPEC, artifacts_dir) == report
    assert (report.photos, report.compared_on) == (52, 52)
    assert report.mean_difference < 0.05
    assert report.speedup
    assert report.speedup > 0.5


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize("name", quantization.INT8_FILES)
def test_a_corrupt_int8_artifact_is_rejected(artifacts_dir: Path, name: str, tmp_path: Path) -> None:
    copy = int8_folder(SPEC, tmp_path)
    copy.mkdir()
    for path in int8_folder(SPEC, artifacts_dir).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert ensure_int8(SPEC, tmp_path).parent == copy
    (copy / name).write_bytes(b"{}")
    with pytest.raises(NotQuantized, match=r"is damaged\. Calibrate .* `raylens models calibrate efficientnet-lite0"):
        load_runtime(SPEC, runtime="openvino", precision="int8", artifacts_dir=tmp_path)


def test_a_model_without_statistics_is_reported_with_the_command(tmp_path: Path) -> None:
    other = resolve_model("mobilenet")
    assert read_report(other, tmp_path) is None
    with pytest.raises(NotQuantized, match="raylens models calibrate mobilenet"):
        load_runtime(other, runtime="openvino", precision="int8", artifacts_dir=tmp_path)


@pytest.fixture
def inaccurate_quantization(monkeypatch: pytest.MonkeyPatch, artifacts_dir: Path) -> None:
    """A fake quantization that zeroes the weights of most classes, which are at the end of the file."""
    good = fp32_of(artifacts_dir)

    def quantize(_module: str, folder: Path, _fp32: Path, _what: str) -> None:
        weights = bytearray(good.with_suffix(".bin").read_bytes())
        weights[-4_500_000:-8_000] = bytes(4_492_000)
        measured = int8_folder(SPEC, artifacts_dir) / quantization.STATISTICS
        (folder / measured.name).write_bytes(measured.read_bytes())
        (folder / "model.xml").write_bytes(good.read_bytes())
        (folder / "model.bin").write_bytes(weights)

    monkeypatch.setattr(child_process, "run", quantize)


@pytest.mark.usefixtures("inaccurate_quantization")
def test_an_inaccurate_model_is_discarded_unless_requested(
    artifacts_dir: Path, report: QuantizationReport, tmp_path: Path, halves: tuple[UInt8Array, UInt8Array]
) -> None:
    few = halves[0][:12], halves[1][:12]
    with pytest.raises(QuantizationInaccurate, match=r"agree on \d+\.\d% of 12 photos"):
        quantize(SPEC, artifacts_dir, *few)
    assert read_report(SPEC, artifacts_dir) == report, "the existing artifact is kept"
    fp32 = fp32_of(artifacts_dir).parent
    (tmp_path / fp32.name).symlink_to(fp32)
    assert quantize(SPEC, tmp_path, *few, keep_inaccurate=True).agreement < 0.5
    kept = read_report(SPEC, tmp_path)
    assert kept
    assert kept.photos == 12
