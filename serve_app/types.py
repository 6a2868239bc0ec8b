"""The messages that travel down the graph. Plain picklable data; nothing here knows of Ray or HTTP."""

from dataclasses import dataclass

from models.arrays import Float32Array, UInt8Array, UInt16Array
from serve_app.errors import RaylensError


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the file says of itself. Width and height are those of the upright picture, in pixels."""

    format: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Preprocessor → Classifier: one outcome per input image, one tensor row per good outcome, both in order."""

    tensor: UInt8Array
    """uint8 (M, H, W, 3), RGB, M ≤ N."""
    outcomes: list[ImageInfo | RaylensError]
    """Length N: the image's description, or why it has no row in the tensor."""
    deadlines: list[float]
    """Length M: the deadline of each row, Unix seconds."""
    preprocess_ms: float
    """Time this batch spent in decoding and resizing."""


@dataclass(frozen=True, slots=True)
class Classified:
    """Classifier → Results: like ``Preprocessed`` with probabilities instead of pixels."""

    probabilities: Float32Array
    """float32 (M, C), rows sum to 1."""
    outcomes: list[ImageInfo | RaylensError]
    preprocess_ms: float
    queue_ms: float
    """Wait for the model."""
    inference_ms: float
    """Time of the model call this batch was part of."""
    batch_size: int
    """Images in that model call."""
    runtime: str
    """``openvino``, ``tensorflow`` or ``fake``."""
    precision: str
    """``fp32``, ``bf16`` or ``int8``."""


@dataclass(frozen=True, slots=True)
class Record:
    """One answered classification, as it is kept. Made at the ingress, so a retry carries the same ``id``."""

    id: str
    """32 hex digits, ordered by time (UUIDv7)."""
    created_at: float
    """Unix seconds."""
    sha256: str
    """Of the encoded image, 64 hex digits."""
    url: str | None
    """The URL the client asked for, where it asked for one."""
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
    """The top-k that was answered: (class index, probability), most probable first."""
    cached: bool
    processing_ms: float
    """From the request's arrival to its answer, as far as known when it was recorded."""
    timings_ms: dict[str, float]
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What the ingress knows of one image that is to be classified: made once, the same on every retry."""

    id: str
    """Of the record to be, see :class:`Record`."""
    received_at: float
    """Unix seconds."""
    deadline: float
    """Unix seconds."""
    model: str
    sha256: str
    url: str | None
    top_k: int
    fetch_ms: float
    """Time the fetch of ``url`` took; 0 for an upload."""
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class CachedResult:
    """All classes of one image under one model, most probable first. Any top-k is a prefix of it."""

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
    """Results → ingress: the result and what it took this time (milliseconds)."""

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
    """From the start of the replica to the end of its warm-up, seconds."""


@dataclass(frozen=True, slots=True)
class RecordsState:
    """Where the records are, as one Results replica sees it. The spool may be shared with others."""

    written: int
    """To the database, by this replica since its start."""
    database_available: bool
    pending: int
    """In the spool."""
    oldest_s: float
    """Age of the oldest of those; 0 where there is none."""
    quarantined: int
    """Records that the database rejects, kept in a folder of their own."""
    free_bytes: int
    """Of the disk of the spool."""
    size_bytes: int
