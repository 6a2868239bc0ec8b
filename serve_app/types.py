"""The messages between the ingress and the stages: plain picklable data, independent of Ray and HTTP."""

from dataclasses import dataclass

from models.arrays import Float32Array, UInt8Array, UInt16Array
from serve_app.errors import RaylensError


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Format and size of an image file. Width and height are those of the upright image, in pixels."""

    format: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Preprocessor → Classifier: one outcome per image and one tensor row per decoded image, both in order."""

    tensor: UInt8Array
    """uint8 (M, H, W, 3), RGB, M ≤ N."""
    outcomes: list[ImageInfo | RaylensError]
    """Length N: the decoded image's format and size, or the error due to which it has no row in the tensor."""
    deadlines: list[float]
    """Length M: the deadline of each row, Unix seconds."""
    preprocess_ms: float
    """Time to decode and resize the batch."""


@dataclass(frozen=True, slots=True)
class Classified:
    """Classifier → Results: like ``Preprocessed``, with probabilities instead of pixels."""

    probabilities: Float32Array
    """float32 (M, C), rows sum to 1."""
    outcomes: list[ImageInfo | RaylensError]
    preprocess_ms: float
    queue_ms: float
    """Wait for the model."""
    inference_ms: float
    """Duration of the model call."""
    batch_size: int
    """Images in that model call."""
    runtime: str
    """``openvino``, ``tensorflow`` or ``fake``."""
    precision: str
    """See ``Runtime.precision``."""


@dataclass(frozen=True, slots=True)
class Record:
    """An answered classification as it is stored. A retry has the same ``id``."""

    id: str
    """32 hex digits, ordered by time (UUIDv7)."""
    created_at: float
    """Unix seconds."""
    sha256: str
    """Of the encoded image, 64 hex digits."""
    url: str | None
    """The URL that the client sent, if any."""
    format: str
    width: int
    height: int
    model: str
    model_version: str
    runtime: str
    precision: str
    label: str
    """Name of the most probable class."""
    wnid: str
    """WordNet id of the most probable class."""
    predictions: list[tuple[int, float]]
    """The top k of the answer: (class index, probability), most probable first."""
    cached: bool
    processing_ms: float
    """From the arrival of the request until the record is written."""
    timings_ms: dict[str, float]
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """An image to classify, as the ingress describes it once for all retries."""

    id: str
    """The id of the future :class:`Record`."""
    received_at: float
    """Unix seconds."""
    deadline: float
    """Unix seconds."""
    model: str
    sha256: str
    url: str | None
    top_k: int
    fetch_ms: float
    """Duration of the download of ``url``; 0 for an upload."""
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class CachedResult:
    """All classes for one image and model, most probable first. Every top k is a prefix of them."""

    info: ImageInfo
    indices: UInt16Array
    """uint16 (C,)"""
    probabilities: Float32Array
    """float32 (C,), descending."""
    model_version: str
    runtime: str
    precision: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Results → ingress: the result and its timings in milliseconds."""

    result: CachedResult
    preprocess_ms: float
    inference_ms: float
    batch_size: int
    """Images in the model call."""


@dataclass(frozen=True, slots=True)
class ModelInService:
    """A model as a Classifier replica runs it."""

    name: str
    version: str
    runtime: str
    precision: str
    load_s: float
    """From the start of the replica to the end of its warm-up, in seconds."""


@dataclass(frozen=True, slots=True)
class RecordsState:
    """Where the records are, as seen by one Results replica. Replicas on one machine share the spool."""

    written: int
    """Records written to the database by this replica since its start."""
    database_available: bool
    storage_available: bool
    """Whether the spool can be written."""
    pending: int
    """Records in the spool."""
    oldest_s: float
    """Age of the oldest record in the spool; 0 if it is empty."""
    quarantined: int
    """Quarantined records, which cannot be read or which the database rejects."""
    free_bytes: int
    """Free space on the disk of the spool."""
    size_bytes: int
