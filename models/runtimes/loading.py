"""Chooses a runtime and loads a model into it."""

import os
from pathlib import Path

from models.labels import labels_of
from models.runtimes.runtime import BATCH_BUCKETS, Runtime
from models.spec import ModelSpec


def load(
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
    """Load the model; the first time on this machine this includes building its artifact.

    ``runtime``: openvino, tensorflow, fake, or auto (tensorflow where there is a GPU, else openvino).
    ``precision``: fp32, bf16, int8 (once calibrated), or auto (what is fastest here without a loss of
    accuracy). ``threads``: 0 leaves it to the runtime. The latencies are the fake's.
    Raises ValueError for an unknown runtime or precision, NotCalibrated for int8 without an artifact of it, else what
    ``artifacts.ensure`` raises.
    """
    if precision not in ("auto", "fp32", "bf16", "int8"):
        raise ValueError(f"precision is auto, fp32, bf16 or int8, not {precision!r}.")
    classes = len(labels_of(spec))
    match _chosen(runtime):
        case "openvino":
            from models import artifacts, quantization  # noqa: PLC0415
            from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

            return OpenVINORuntime(
                (quantization.find if precision == "int8" else artifacts.ensure)(spec, artifacts_dir),
                classes,
                batch_buckets=batch_buckets,
                precision=precision,
                threads=threads,
            )
        case "tensorflow":
            if precision in ("bf16", "int8"):
                raise ValueError("The tensorflow runtime computes in fp32.")
            from models.runtimes.tensorflow import TensorFlowRuntime  # noqa: PLC0415

            return TensorFlowRuntime(spec, classes, batch_buckets=batch_buckets, threads=threads)
        case "fake":
            from models.runtimes.fake import FakeRuntime  # noqa: PLC0415

            return FakeRuntime(
                spec.transform.size,
                classes,
                batch_buckets=batch_buckets,
                batch_latency_ms=batch_latency_ms,
                image_latency_ms=image_latency_ms,
            )
        case other:
            raise ValueError(f"runtime is auto, openvino, tensorflow or fake, not {other!r}.")


def _chosen(runtime: str) -> str:
    if runtime != "auto":
        return runtime
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "tensorflow" if not hidden and any(Path("/dev").glob("nvidia[0-9]*")) else "openvino"
