"""Request and response bodies for the OpenAPI document; ``rendering`` builds the responses."""

from typing import Any

from pydantic import BaseModel, Field

from models.spec import OutputKind
from serve_app.ingress.problems import Problem

_EXAMPLE_PREDICTION: dict[str, Any] = {
    "rank": 1,
    "index": 187,
    "wnid": "n02094433",
    "label": "Yorkshire_terrier",
    "probability": 0.96,
}


class Prediction(BaseModel):
    """A predicted class."""

    rank: int = Field(ge=1)
    index: int = Field(ge=0, description="Position in the model's output.")
    wnid: str = Field(description="WordNet id; distinguishes classes with the same name.")
    label: str
    probability: float = Field(ge=0, le=1)

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE_PREDICTION]}}


class Image(BaseModel):
    """The classified image; width and height in pixels after EXIF orientation."""

    sha256: str
    format: str
    width: int
    height: int
    url: str | None = None


class Model(BaseModel):
    """The model that classified the image."""

    name: str
    version: str
    runtime: str
    precision: str


class Timings(BaseModel):
    """Milliseconds. ``queue`` is the rest: everything except fetch, preprocessing and inference."""

    fetch: float
    preprocess: float
    queue: float
    inference: float
    total: float


class Classification(BaseModel):
    """A classified image."""

    id: str = Field(examples=["019320f0c5b87d0fb6f0a1b2c3d4e5f6"])
    created_at: str = Field(examples=["2026-01-31T12:00:00.123456Z"])
    image: Image
    model: Model
    predictions: list[Prediction]
    cached: bool
    timings_ms: Timings


class HistoryPage(BaseModel):
    """A page of a user's classifications, newest first."""

    items: list[Classification]
    next_cursor: str | None = Field(
        description="Cursor of the next page; null on the last page.",
        examples=["AAZGxpPwVkABkyDwxbh9D7bwobLD1OX2Yq0-EoPdUY8mXGc3Zkz7dQ"],
    )


class Detail(BaseModel):
    """An error in the format of the original application."""

    detail: str = Field(examples=["Authentication credentials were not provided."])


class Classifications(BaseModel):
    """One classification or problem per image, in order."""

    items: list[Classification | Problem]


class LegacyRequest(BaseModel):
    """The input of the original application's route."""

    image_url: str = Field(examples=["https://example.org/dog.jpg"])


class LegacyClassification(BaseModel):
    """The output of the original application's route; ``processing_time`` in seconds."""

    classification: str = Field(examples=["Yorkshire_terrier"])
    confidence: float = Field(examples=[0.9686])
    processing_time: float = Field(examples=[0.031])


class ReportRow(BaseModel):
    """A frequently requested image; times in seconds."""

    image_url: str
    classification_count: int
    processing_time_avg: float
    processing_time_max: float
    processing_time_min: float


class TopRow(BaseModel):
    """A frequently requested image or frequent label; times in seconds."""

    image_url: str | None = None
    sha256: str | None = None
    label: str | None = None
    wnid: str | None = None
    classification_count: int
    processing_time_avg: float
    processing_time_max: float
    processing_time_min: float
    last_seen: str


class Top(BaseModel):
    scope: str
    by: str
    window: str
    items: list[TopRow]


class ModelCard(BaseModel):
    """A model in service, for the parameter ``model``."""

    name: str
    title: str
    version: str
    default: bool
    runtime: str
    precision: str
    input_size: int = Field(
        description="Height of the input in pixels; see `input_shape` for models that are not square."
    )
    input_shape: list[int] = Field(
        description="Height and width of the input in pixels, and channels: 3 for RGB, 1 for grey."
    )
    kind: OutputKind = Field(
        description="multi-class: one class applies, and the probabilities sum to 1; multi-label: each class applies "
        "or not, and the probabilities need not sum to 1; binary: two classes, from a model with a single output."
    )
    parameters: int | None
    top1: float | None = Field(description="Published ImageNet top-1 accuracy.")
    license: str
    classes: int


class ModelCards(BaseModel):
    items: list[ModelCard]


class Label(BaseModel):
    index: int
    wnid: str
    label: str


class LabelList(BaseModel):
    items: list[Label]


class Quantiles(BaseModel):
    """Milliseconds; null without measurements."""

    p50: float | None
    p90: float | None
    p99: float | None


class StageQuantiles(BaseModel):
    """Of images that needed an inference."""

    preprocess: Quantiles
    queue: Quantiles
    inference: Quantiles


class Outcomes(BaseModel):
    """Images answered, by cache outcome."""

    hit: int
    miss: int
    shared: int


class Queue(BaseModel):
    """Images of one model in this ingress replica."""

    waiting: int
    running: int
    limit: int = Field(description="Maximum number of waiting images.")


class Deployment(BaseModel):
    """A stage of the pipeline."""

    status: str = Field(examples=["HEALTHY"])
    replicas: int = Field(description="Running replicas.")
    starting: int


class LivePipeline(BaseModel):
    """Statistics of the responding ingress replica, and the replicas of the whole pipeline."""

    window_s: float = Field(description="Window in seconds; shorter than requested under heavy load.")
    images_per_s: float
    inferred_per_s: float
    outcomes: Outcomes
    cache_hit_share: float = Field(ge=0, le=1, description="Share of images answered without an inference.")
    refusals: dict[str, int] = Field(description="Rejected images, by error code.")
    latency_ms: Quantiles
    stages_ms: StageQuantiles
    batch_sizes: dict[str, int] = Field(description="Number of model calls by batch size.")
    queues: dict[str, Queue] = Field(description="Queues by model.")
    deployments: dict[str, Deployment]


class Health(BaseModel):
    is_healthy: bool


class Readiness(BaseModel):
    """The state of each component: ``ok``, ``degraded`` (works, but slower or records later) or ``starting``."""

    status: str
    parts: dict[str, str]


class JsonImage(BaseModel):
    """An image: exactly one of the two fields."""

    image_url: str | None = None
    image_base64: str | None = None


JSON_IMAGE: dict[str, Any] = JsonImage.model_json_schema()
JSON_IMAGES: dict[str, Any] = {
    "type": "object",
    "required": ["images"],
    "properties": {"images": {"type": "array", "minItems": 1, "maxItems": 64, "items": JSON_IMAGE}},
}
