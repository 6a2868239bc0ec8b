"""The bodies of the API as the OpenAPI document tells them; ``rendering`` writes the answers."""

from typing import Any

from pydantic import BaseModel, Field

from serve_app.ingress.problems import Problem

TERRIER: dict[str, Any] = {
    "rank": 1,
    "index": 187,
    "wnid": "n02094433",
    "label": "Yorkshire_terrier",
    "probability": 0.96,
}


class Prediction(BaseModel):
    """One class of the top-k."""

    rank: int = Field(ge=1)
    index: int = Field(ge=0, description="Position in the model's output.")
    wnid: str = Field(description="WordNet id; tells apart classes of one name.")
    label: str
    probability: float = Field(ge=0, le=1)

    model_config = {"json_schema_extra": {"examples": [TERRIER]}}


class Image(BaseModel):
    """What was classified; width and height as seen upright, pixels."""

    sha256: str
    format: str
    width: int
    height: int
    url: str | None = None


class Model(BaseModel):
    """What it was classified with."""

    name: str
    version: str
    runtime: str
    precision: str


class Timings(BaseModel):
    """Milliseconds. ``queue`` is all that is neither fetch, preprocessing nor inference."""

    fetch: float
    preprocess: float
    queue: float
    inference: float
    total: float


class Classification(BaseModel):
    """An answered image."""

    id: str = Field(examples=["019320f0c5b87d0fb6f0a1b2c3d4e5f6"])
    created_at: str = Field(examples=["2026-01-31T12:00:00.123456Z"])
    image: Image
    model: Model
    predictions: list[Prediction]
    cached: bool
    timings_ms: Timings


class HistoryPage(BaseModel):
    """Some of a user's classifications, newest first."""

    items: list[Classification]
    next_cursor: str | None = Field(
        description="For the page after this; null on the last.",
        examples=["AAZGxpPwVkABkyDwxbh9D7bwobLD1OX2Yq0-EoPdUY8mXGc3Zkz7dQ"],
    )


class Detail(BaseModel):
    """An error as the original tells it."""

    detail: str = Field(examples=["Authentication credentials were not provided."])


class Classifications(BaseModel):
    """One answer or problem for each image sent, in order."""

    items: list[Classification | Problem]


class LegacyRequest(BaseModel):
    """The one input of the original's call."""

    image_url: str = Field(examples=["https://example.org/dog.jpg"])


class LegacyClassification(BaseModel):
    """The original's answer; ``processing_time`` in seconds."""

    classification: str = Field(examples=["Yorkshire_terrier"])
    confidence: float = Field(examples=[0.9686])
    processing_time: float = Field(examples=[0.031])


class ReportRow(BaseModel):
    """A much requested image; times in seconds."""

    image_url: str
    classification_count: int
    processing_time_avg: float
    processing_time_max: float
    processing_time_min: float


class TopRow(BaseModel):
    """A much requested image or an often seen label; times in seconds."""

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
    by: str
    window: str
    items: list[TopRow]


class ModelCard(BaseModel):
    """What can be asked for with ``model=``."""

    name: str
    title: str
    version: str
    default: bool
    runtime: str
    precision: str
    input_size: int = Field(description="Height and width of the input, pixels.")
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
    """Milliseconds; null where nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None


class StageQuantiles(BaseModel):
    """Of the images that were inferred."""

    preprocess: Quantiles
    queue: Quantiles
    inference: Quantiles


class Outcomes(BaseModel):
    """Answers by where they came from."""

    hit: int
    miss: int
    shared: int


class Queue(BaseModel):
    """Images of one model in this ingress replica."""

    waiting: int
    running: int
    limit: int = Field(description="Images that may wait.")


class Deployment(BaseModel):
    """A stage of the graph."""

    status: str = Field(examples=["HEALTHY"])
    replicas: int = Field(description="That run.")
    starting: int


class LivePipeline(BaseModel):
    """The last seconds of the ingress replica that answers, and the replicas of the whole graph."""

    window_s: float = Field(description="Seconds looked back; fewer than asked for under heavy load.")
    images_per_s: float
    inferred_per_s: float
    outcomes: Outcomes
    cache_hit_share: float = Field(ge=0, le=1, description="Answers without an inference of their own.")
    refusals: dict[str, int] = Field(description="Images without an answer, by error code.")
    latency_ms: Quantiles
    stages_ms: StageQuantiles
    batch_sizes: dict[str, int] = Field(description="Model calls, by their images.")
    queues: dict[str, Queue] = Field(description="By model.")
    deployments: dict[str, Deployment]


class Health(BaseModel):
    is_healthy: bool


class Readiness(BaseModel):
    """The state of each part: ``ok``, ``degraded`` (answers, but slower or recorded later) or ``starting``."""

    status: str
    parts: dict[str, str]


class JsonImage(BaseModel):
    """One image: exactly one of the two."""

    image_url: str | None = None
    image_base64: str | None = None


JSON_IMAGE: dict[str, Any] = JsonImage.model_json_schema()
JSON_IMAGES: dict[str, Any] = {
    "type": "object",
    "required": ["images"],
    "properties": {"images": {"type": "array", "minItems": 1, "maxItems": 64, "items": JSON_IMAGE}},
}
