"""int8 artifacts: fp32 artifacts quantized with statistics that Raylens brings, or measured on a user's photos."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from models import artifacts, atomic_folder, child_process
from models.activation_statistics import ActivationStatistics, advice, packaged_statistics, weights_sha256
from models.arrays import UInt8Array
from models.errors import ArtifactBuildFailed, ModelError, NotQuantized, QuantizationInaccurate
from models.labels import labels_of
from models.quantization_report import MIN_AGREEMENT, QuantizationReport, compare
from models.runtimes.runtime import Runtime
from models.spec import ModelSpec

INT8_FORMAT = 2
"""Increment when existing int8 artifacts must no longer be used."""

STATISTICS = "statistics.json"
INT8_FILES = (*artifacts.ARTIFACT_FILES, STATISTICS)
PIXELS = "pixels.npy"


def int8_folder(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The folder of the int8 artifact from a user's photos, which may not exist. Its name derives from fp32's."""
    return artifacts_dir / f"{artifacts.artifact_folder(spec, artifacts_dir).name}-int8-{INT8_FORMAT}"


def ensure_int8(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The ``model.xml`` of the int8 artifact from a user's photos, otherwise of the one from packaged statistics.

    Builds the latter if it is missing or corrupt. Raises NotQuantized if there is neither or the former is corrupt,
    StatisticsMismatch, or an error of ``artifacts.ensure_artifact``.
    """
    own = int8_folder(spec, artifacts_dir)
    if atomic_folder.is_intact(own, INT8_FILES):
        return own / "model.xml"
    if own.exists():
        raise NotQuantized(f"The int8 artifact in {own} is damaged. {advice(spec)}")
    if (file := packaged_statistics(spec)) is None:
        raise NotQuantized(f"There is no int8 artifact of {spec.name}. {advice(spec)}")
    statistics = ActivationStatistics.read(file)
    statistics.check_weights(spec)
    folder = own.with_name(f"{own.name}-{statistics.digest}")
    try:
        atomic_folder.ensure(folder, INT8_FILES, lambda draft: _build_from(file, spec, artifacts_dir, draft))
    except OSError as error:
        raise ArtifactBuildFailed(
            f"The int8 artifact of {spec.name} could not be stored in {artifacts_dir}: {error.strerror or error}"
        ) from None
    return folder / "model.xml"


def read_report(spec: ModelSpec, artifacts_dir: Path) -> QuantizationReport | None:
    """The comparison with fp32 of the model that ``ensure_int8`` returns; None if there is none."""
    own = int8_folder(spec, artifacts_dir)
    file = own / STATISTICS if own.exists() else packaged_statistics(spec)
    try:
        return ActivationStatistics.read(file).report if file else None
    except (OSError, ModelError):
        return None


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
    the name of each step. Raises QuantizationInaccurate (unless ``keep_inaccurate``), or an error of
    ``artifacts.ensure_artifact``.
    """
    on_progress("building the fp32 artifact")
    fp32_xml = artifacts.ensure_artifact(spec, artifacts_dir)
    reports: list[QuantizationReport] = []

    def fill(draft: Path) -> None:
        on_progress(f"calibrating on {len(pixels)} photos")
        np.save(draft / PIXELS, pixels)
        child_process.run("models.quantize", draft, fp32_xml, f"The int8 artifact of {spec.name}")
        (draft / PIXELS).unlink()
        on_progress(f"comparing with fp32 on {len(holdout)} other photos")
        report = compare(_load(spec, draft / "model.xml"), _load(spec, fp32_xml), holdout, photos=len(pixels))
        if not (report.is_accurate or keep_inaccurate):
            raise QuantizationInaccurate(_rejection(spec, report))
        measured = ActivationStatistics.read(draft / STATISTICS)
        replace(measured, weights_sha256=weights_sha256(spec), report=report).write(draft / STATISTICS)
        reports.append(report)

    atomic_folder.replace(int8_folder(spec, artifacts_dir), INT8_FILES, fill)
    return reports[0]


def _build_from(file: Path, spec: ModelSpec, artifacts_dir: Path, draft: Path) -> None:
    fp32_xml = artifacts.ensure_artifact(spec, artifacts_dir)
    shutil.copyfile(file, draft / STATISTICS)
    child_process.run("models.quantize", draft, fp32_xml, f"The int8 artifact of {spec.name}")


def _load(spec: ModelSpec, model_xml: Path) -> Runtime:
    from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

    return OpenVINORuntime(model_xml, len(labels_of(spec)), batch_buckets=(1,), kind=spec.kind)


def _rejection(spec: ModelSpec, report: QuantizationReport) -> str:
    return (
        f"int8 and fp32 of {spec.name} agree on {report.agreement:.1%} of {report.compared_on} photos, "
        f"less than {MIN_AGREEMENT:.0%}, so the int8 artifact was discarded. Calibrate on more photos, "
        "representative of those that will be classified."
    )
