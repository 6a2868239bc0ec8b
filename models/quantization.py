"""The int8 form of a model: an artifact of its own beside the fp32 one, made by calibrating that on photos."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from models import artifacts, child, sealed_folder
from models.arrays import UInt8Array
from models.calibration import LEAST_AGREEMENT, Calibration, compare
from models.errors import NotAccurate, NotCalibrated, QuantizerMissing
from models.labels import labels_of
from models.runtimes.runtime import Runtime
from models.spec import ModelSpec

FORMAT = 1
"""Raise it when int8 artifacts of before must not be used any more."""

CALIBRATION = "calibration.json"
FILES = (*artifacts.FILES, CALIBRATION)
PIXELS = "pixels.npy"


def folder_of(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """Where the int8 artifact is, or will be; it goes with the fp32 artifact that it was made from."""
    return artifacts_dir / f"{artifacts.folder_of(spec, artifacts_dir).name}-int8-{FORMAT}"


def find(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The ``model.xml`` of the int8 artifact. Raises NotCalibrated where there is none, or a damaged one."""
    folder = folder_of(spec, artifacts_dir)
    if not sealed_folder.is_intact(folder, FILES):
        raise NotCalibrated(
            f"There is no int8 form of {spec.name} here. Make it with "
            f"`raylens models calibrate {spec.name} FOLDER_OF_PHOTOS`, or set precision to auto."
        )
    return folder / "model.xml"


def calibration_of(spec: ModelSpec, artifacts_dir: Path) -> Calibration | None:
    """What was measured when the int8 artifact was made; None: there is none."""
    try:
        return Calibration.read(folder_of(spec, artifacts_dir) / CALIBRATION)
    except (OSError, ValueError, TypeError):
        return None


def check_quantizer() -> None:
    """Raises QuantizerMissing unless NNCF is installed."""
    if find_spec("nncf") is None:
        raise QuantizerMissing(
            "Calibrating needs NNCF, which is not installed: pip install 'raylens[int8]', in a clone '.[int8]'."
        )


def calibrate(
    spec: ModelSpec,
    artifacts_dir: Path,
    pixels: UInt8Array,
    others: UInt8Array,
    *,
    keep_inaccurate: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Make the int8 artifact from ``pixels``, and compare it with fp32 on ``others``; both uint8 (N, size, size, 3).

    It replaces an earlier one. ``tell`` is called with what is being done.
    Raises QuantizerMissing, NotAccurate (the earlier one stays), or what ``artifacts.ensure`` raises.
    """
    check_quantizer()
    tell("building the fp32 form")
    fp32_xml = artifacts.ensure(spec, artifacts_dir)

    def fill(draft: Path) -> None:
        tell(f"finding the ranges of its layers on {len(pixels)} photos")
        np.save(draft / PIXELS, pixels)
        child.run("models.quantize", draft, fp32_xml, f"The int8 form of {spec.name}")
        (draft / PIXELS).unlink()
        tell(f"comparing it with fp32 on {len(others)} other photos")
        outcome = compare(_load(spec, draft / "model.xml"), _load(spec, fp32_xml), others, photos=len(pixels))
        if not (outcome.is_good or keep_inaccurate):
            raise NotAccurate(_refusal(spec, outcome))
        outcome.write(draft / CALIBRATION)

    folder = folder_of(spec, artifacts_dir)
    sealed_folder.replace(folder, FILES, fill)
    return Calibration.read(folder / CALIBRATION)


def _load(spec: ModelSpec, model_xml: Path) -> Runtime:
    from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

    return OpenVINORuntime(model_xml, len(labels_of(spec)), batch_buckets=(1,))


def _refusal(spec: ModelSpec, outcome: Calibration) -> str:
    return (
        f"int8 and fp32 of {spec.name} agree on {outcome.agreement:.1%} of {outcome.compared_on} photos, "
        f"less than {LEAST_AGREEMENT:.0%}: nothing was kept. Calibrate on more photos, of the kind that will be sent."
    )
