"""int8 artifacts, made from fp32 artifacts by post-training quantization on sample photos."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from models import artifacts, atomic_folder, child_process
from models.arrays import UInt8Array
from models.errors import NotQuantized, QuantizationInaccurate, QuantizerMissing
from models.labels import labels_of
from models.quantization_report import MIN_AGREEMENT, QuantizationReport, compare
from models.runtimes.runtime import Runtime
from models.spec import ModelSpec

INT8_FORMAT = 1
"""Increment when existing int8 artifacts must no longer be used."""

_REPORT = "calibration.json"
INT8_FILES = (*artifacts.ARTIFACT_FILES, _REPORT)
PIXELS = "pixels.npy"


def int8_folder(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The folder of the int8 artifact, which may not exist yet. Its name derives from the fp32 artifact."""
    return artifacts_dir / f"{artifacts.artifact_folder(spec, artifacts_dir).name}-int8-{INT8_FORMAT}"


def find_int8(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The ``model.xml`` of the int8 artifact. Raises NotQuantized if it is missing or corrupt."""
    folder = int8_folder(spec, artifacts_dir)
    if not atomic_folder.is_intact(folder, INT8_FILES):
        raise NotQuantized(
            f"There is no int8 artifact of {spec.name}. Build it with "
            f"`raylens models calibrate {spec.name} FOLDER_OF_PHOTOS`, or set precision to auto."
        )
    return folder / "model.xml"


def read_report(spec: ModelSpec, artifacts_dir: Path) -> QuantizationReport | None:
    """The comparison with fp32 made when the int8 artifact was built; None if there is no int8 artifact."""
    try:
        return QuantizationReport.read(int8_folder(spec, artifacts_dir) / _REPORT)
    except (OSError, ValueError, TypeError):
        return None


def check_quantizer() -> None:
    """Raise QuantizerMissing unless NNCF is installed."""
    if find_spec("nncf") is None:
        raise QuantizerMissing(
            "Calibration needs NNCF, which is not installed: pip install 'raylens[int8]', in a clone '.[int8]'."
        )


def quantize(
    spec: ModelSpec,
    artifacts_dir: Path,
    pixels: UInt8Array,
    holdout: UInt8Array,
    *,
    keep_inaccurate: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> QuantizationReport:
    """Build the int8 artifact by calibrating on ``pixels`` and compare it with fp32 on ``holdout``.

    Both are uint8 (N, H, W, C). An existing int8 artifact is replaced on success only. ``on_progress`` receives
    the name of each step. Raises QuantizerMissing, QuantizationInaccurate (unless ``keep_inaccurate``), or an error of
    ``artifacts.ensure_artifact``.
    """
    check_quantizer()
    on_progress("building the fp32 artifact")
    fp32_xml = artifacts.ensure_artifact(spec, artifacts_dir)

    def fill(draft: Path) -> None:
        on_progress(f"calibrating on {len(pixels)} photos")
        np.save(draft / PIXELS, pixels)
        child_process.run("models.quantize", draft, fp32_xml, f"The int8 artifact of {spec.name}")
        (draft / PIXELS).unlink()
        on_progress(f"comparing with fp32 on {len(holdout)} other photos")
        report = compare(_load(spec, draft / "model.xml"), _load(spec, fp32_xml), holdout, photos=len(pixels))
        if not (report.is_accurate or keep_inaccurate):
            raise QuantizationInaccurate(_rejection(spec, report))
        report.write(draft / _REPORT)

    folder = int8_folder(spec, artifacts_dir)
    atomic_folder.replace(folder, INT8_FILES, fill)
    return QuantizationReport.read(folder / _REPORT)


def _load(spec: ModelSpec, model_xml: Path) -> Runtime:
    from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

    return OpenVINORuntime(model_xml, len(labels_of(spec)), batch_buckets=(1,), kind=spec.kind)


def _rejection(spec: ModelSpec, report: QuantizationReport) -> str:
    return (
        f"int8 and fp32 of {spec.name} agree on {report.agreement:.1%} of {report.compared_on} photos, "
        f"less than {MIN_AGREEMENT:.0%}, so the int8 artifact was discarded. Calibrate on more photos, "
        "representative of those that will be classified."
    )
