"""The arguments of the application in ``config/serve.yaml``, which documents them. Unknown keys are rejected."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
MIB = 1 << 20

APPLICATION: Final = "raylens"
"""Name of the Ray Serve application."""


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueueArguments(_Arguments):
    max_batch: PositiveInt = 16
    max_batch_mib: PositiveInt = 16
    max_batch_cost: PositiveFloat = 24.0
    expensive_cost: PositiveFloat = 8.0
    batches_per_classifier: PositiveInt = 2
    max_waiting: PositiveInt = 256
    max_mib: PositiveInt = 512
    client_share: Annotated[float, Field(gt=0, lt=1)] = 0.5


class LimitArguments(_Arguments):
    request_timeout_s: PositiveFloat = 30.0
    image_mib: PositiveInt = 20
    body_mib: PositiveInt = 128
    images: PositiveInt = 64
    upload_timeout_s: PositiveFloat = 600.0
    upload_window_s: PositiveFloat = 20.0
    upload_min_kib_s: PositiveFloat = 4.0
    fetch_timeout_s: PositiveFloat = 10.0

    @property
    def image_bytes(self) -> int:
        return self.image_mib * MIB

    @property
    def body_bytes(self) -> int:
        return self.body_mib * MIB

    @property
    def upload_window_bytes(self) -> int:
        return int(self.upload_window_s * self.upload_min_kib_s * 1024)


class PreprocessorArguments(_Arguments):
    threads: PositiveInt = 2
    processes: PositiveInt = 2


class ClassifierArguments(_Arguments):
    runtime: Literal["auto", "openvino", "tensorflow", "fake"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    concurrency: PositiveInt = 1
    batch_buckets: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 2, 4, 8, 16, 32)
    max_waiting: PositiveInt = 512
    fake_call_ms: Annotated[float, Field(ge=0)] = 0.0
    fake_image_ms: Annotated[float, Field(ge=0)] = 0.0


class RecordArguments(_Arguments):
    drain_interval_s: PositiveFloat = 1.0


class BuildArguments(_Arguments):
    """The arguments of ``serve_app.app:build``."""

    models: tuple[str, ...] | None = None
    """Models to serve, the default first. None: the models of RAYLENS_MODELS."""
    queue: QueueArguments = QueueArguments()
    limits: LimitArguments = LimitArguments()
    preprocessor: PreprocessorArguments = PreprocessorArguments()
    classifier: ClassifierArguments = ClassifierArguments()
    records: RecordArguments = RecordArguments()
