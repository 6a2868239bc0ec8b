"""Selects a runtime and loads a model into it."""

import os
from pathlib import Path

from models.labels import labels_of
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
    ``precision``: fp32, bf16, int8 (needs an int8 artifact), or auto (the fastest without loss of accuracy on this
    machine). ``threads``: 0 lets the runtime decide. The latencies apply to the fake runtime only.
    Raises ValueError for an unknown runtime or precision, NotQuantized if there is no int8 artifact, or an error of
    ``artifacts.ensure_artifact``.
    """
    if precision not in ("auto", "fp32", "bf16", "int8"):
        raise ValueError(f"precision must be auto, fp32, bf16 or int8, not {precision!r}.")
    classes = len(labels_of(spec))
    match _selected(runtime):
        case "openvino":
            from models import artifacts, quantization  # noqa: PLC0415
            from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

            return OpenVINORuntime(
                (quantization.find_int8 if precision == "int8" else artifacts.ensure_artifact)(spec, artifacts_dir),
                classes,
                batch_buckets=batch_buckets,
                kind=spec.kind,
                precision=precision,
                threads=threads,
            )
        case "tensorflow":
            if precision in ("bf16", "int8"):
                raise ValueError("The tensorflow runtime supports only precision fp32.")
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


def _selected(runtime: str) -> str:
    if runtime != "auto":
        return runtime
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "tensorflow" if not hidden and any(Path("/dev").glob("nvidia[0-9]*")) else "openvino"
