"""Selects a runtime and loads a model into it."""

import os
from pathlib import Path

from models.errors import PrecisionUnavailable
from models.labels import labels_of
from models.runtimes.precision import PRECISIONS
from models.runtimes.runtime import BATCH_BUCKETS, Runtime
from models.spec import ModelSpec


def load_runtime(
    spec: ModelSpec,
    *,
    runtime: str = "auto",
    precision: str = "auto",
    artifacts_dir: Path,
    threads: int = 0,
    batch_buckets: tuple[int, ...] = BATCH_BUCKETS,
    batch_latency_ms: float = 0.0,
    image_latency_ms: float = 0.0,
) -> Runtime:
    """Load the model, building its artifact first if necessary.

    ``runtime``: openvino, tensorflow, fake, or auto (tensorflow with a GPU, else openvino).
    ``precision``: fp32, bf16, int8, or auto (fp32). ``threads``: 0 lets the runtime decide.
    The latencies apply to the fake runtime only.
    Raises ValueError for an unknown runtime or precision, PrecisionUnavailable if the runtime or the processor does not
    support the precision, or an error of ``artifacts.ensure_artifact`` or ``quantization.ensure_int8``.
    """
    check_precision(runtime, precision)
    classes = len(labels_of(spec))
    match _selected(runtime):
        case "openvino":
            from models import artifacts, quantization  # noqa: PLC0415
            from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

            return OpenVINORuntime(
                (quantization.ensure_int8 if precision == "int8" else artifacts.ensure_artifact)(spec, artifacts_dir),
                classes,
                batch_buckets=batch_buckets,
                kind=spec.kind,
                precision="fp32" if precision == "auto" else precision,
                threads=threads,
            )
        case "tensorflow":
            from models.runtimes.tensorflow import TensorFlowRuntime  # noqa: PLC0415

            return TensorFlowRuntime(spec, classes, batch_buckets=batch_buckets, threads=threads)
        case "fake":
            from models.runtimes.fake import FakeRuntime  # noqa: PLC0415

            return FakeRuntime(
                spec.transform.shape,
                classes,
                batch_buckets=batch_buckets,
                batch_latency_ms=batch_latency_ms,
                image_latency_ms=image_latency_ms,
            )
        case other:
            raise ValueError(f"runtime must be auto, openvino, tensorflow or fake, not {other!r}.")


def check_precision(runtime: str, precision: str) -> None:
    """Raise PrecisionUnavailable unless the runtime computes in the precision on this machine.

    Raises ValueError for an unknown precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}, not {precision!r}.")
    match _selected(runtime):
        case "openvino":
            from models.runtimes import openvino  # noqa: PLC0415

            openvino.check_processor(precision)
        case "tensorflow" if precision not in ("auto", "fp32"):
            raise PrecisionUnavailable(
                f"TensorFlow runs only in fp32, not in {precision}. Set precision to auto, or runtime to openvino."
            )


def _selected(runtime: str) -> str:
    if runtime != "auto":
        return runtime
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "tensorflow" if not hidden and any(Path("/dev").glob("nvidia[0-9]*")) else "openvino"
