"""Prometheus metrics, exported by Ray: one class per deployment.

Observing costs about 5 µs, so all but the request latency are observed once per batch or per second.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from ray.serve import metrics

from models.custom.names import ascii_name
from serve_app import VERSION
from serve_app.types import Classified, ModelInService, Preprocessed, RecordsState

_LATENCY_BUCKETS_MS: list[float] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
_BATCH_SIZE_BUCKETS: list[float] = [1, 2, 4, 8, 16, 32, 64]


def _latency_histogram(name: str, description: str) -> metrics.Histogram:
    return metrics.Histogram(
        f"raylens_{name}_ms", description=f"{description}, in milliseconds.", boundaries=_LATENCY_BUCKETS_MS
    )


class ImageCounts(Protocol):
    """What a queue of images tells about itself."""

    @property
    def waiting_images(self) -> int: ...

    @property
    def running_images(self) -> int: ...

    @property
    def expensive_images(self) -> int: ...


class PreprocessorMetrics:
    def __init__(self) -> None:
        self._latency = _latency_histogram("preprocess", "Time to decode and resize a batch")

    def observe(self, preprocessed: Preprocessed) -> None:
        self._latency.observe(preprocessed.preprocess_ms)


class ClassifierMetrics:
    def __init__(self, model: str) -> None:
        self._latency = _latency_histogram("inference", "Duration of a model call")
        self._queue_latency = _latency_histogram("inference_queue", "Time a batch waits for the model")
        self._batch = metrics.Histogram(
            "raylens_batch_size",
            description="Images per model call.",
            boundaries=_BATCH_SIZE_BUCKETS,
            tag_keys=("model",),
        )
        self._waiting = metrics.Gauge(
            "raylens_inference_waiting", description="Images waiting for the model.", tag_keys=("model",)
        )
        self._batch.set_default_tags({"model": ascii_name(model)})
        self._waiting.set_default_tags({"model": ascii_name(model)})

    def observe(self, classified: Classified, waiting: int) -> None:
        self._latency.observe(classified.inference_ms)
        self._queue_latency.observe(classified.queue_ms)
        if classified.batch_size:
            self._batch.observe(classified.batch_size)
        self._waiting.set(waiting)


class ResultsMetrics:
    def __init__(self) -> None:
        self._latency = _latency_histogram("results", "Time to rank and record a batch")
        self._written = _Totals("raylens_records_written", "Records written to the database.")
        self._pending = metrics.Gauge("raylens_records_pending", description="Records in the spool.")
        self._oldest = metrics.Gauge(
            "raylens_records_oldest_s", description="Age of the oldest record in the spool, in seconds."
        )
        self._quarantined = metrics.Gauge(
            "raylens_records_quarantined", description="Records that the database rejects, kept in spool/broken."
        )
        self._free = metrics.Gauge("raylens_spool_free_bytes", description="Free space on the disk of the spool.")
        self._size = metrics.Gauge("raylens_spool_size_bytes", description="Size of the disk of the spool.")
        self._up = _component_gauge()

    def observe(self, elapsed_ms: float) -> None:
        self._latency.observe(elapsed_ms)

    def observe_records(self, state: RecordsState) -> None:
        self._written.observe({"": state.written})
        self._pending.set(state.pending)
        self._oldest.set(state.oldest_s)
        self._quarantined.set(state.quarantined)
        self._free.set(state.free_bytes)
        self._size.set(state.size_bytes)
        self._up.set(int(state.database_available), tags={"name": "database"})
        self._up.set(int(state.storage_available), tags={"name": "storage"})


class IngressMetrics:
    def __init__(self) -> None:
        self._latency = metrics.Histogram(
            "raylens_request_ms",
            description="Latency of an image from request to response, in milliseconds, by cache outcome.",
            boundaries=_LATENCY_BUCKETS_MS,
            tag_keys=("outcome",),
        )
        self._fetch = _latency_histogram("fetch", "Time to fetch an image URL")
        self._rejections = metrics.Counter(
            "raylens_rejections", description="Rejected images, by error code.", tag_keys=("code",)
        )
        self._queue = metrics.Gauge(
            "raylens_queue_images",
            description="Waiting and running images at an ingress replica, by model.",
            tag_keys=("model", "state"),
        )
        self._queue_limit = metrics.Gauge(
            "raylens_queue_limit",
            description="Maximum of waiting images at an ingress replica, by model.",
            tag_keys=("model",),
        )
        self._expensive = metrics.Gauge(
            "raylens_expensive_images",
            description="Expensive images that wait or are in progress at an ingress replica, by model.",
            tag_keys=("model",),
        )
        self._uploads = metrics.Gauge(
            "raylens_upload_bytes", description="Memory held by request bodies at an ingress replica."
        )
        self._uploads_limit = metrics.Gauge("raylens_upload_limit_bytes", description="Limit of that memory.")
        self._up = _component_gauge()
        self._account_events = _Totals(
            "raylens_account_events", "Account events, by their name in the audit log.", "event"
        )
        self._model = metrics.Gauge(
            "raylens_model_info",
            description="1 for each model in service.",
            tag_keys=("model", "model_version", "runtime", "precision"),
        )
        self._build = metrics.Gauge(
            "raylens_build_info", description="1 for the running version.", tag_keys=("version",)
        )

    def observe(
        self, latencies_ms: Mapping[str, list[float]], rejections: Mapping[str, int], fetches_ms: list[float]
    ) -> None:
        """Add the latencies by cache outcome, rejections by error code and fetch times since the last call."""
        for outcome, latencies in latencies_ms.items():
            tags = {"outcome": outcome}
            for latency_ms in latencies:
                self._latency.observe(latency_ms, tags=tags)
        for code, count in rejections.items():
            self._rejections.inc(count, tags={"code": code})
        for fetch_ms in fetches_ms:
            self._fetch.observe(fetch_ms)

    def observe_queue(self, model: str, queue: ImageCounts, limit: int) -> None:
        self._queue.set(queue.waiting_images, tags={"model": ascii_name(model), "state": "waiting"})
        self._queue.set(queue.running_images, tags={"model": ascii_name(model), "state": "running"})
        self._expensive.set(queue.expensive_images, tags={"model": ascii_name(model)})
        self._queue_limit.set(limit, tags={"model": ascii_name(model)})

    def observe_uploads(self, held: int, limit: int) -> None:
        """Set the bytes of request bodies in memory, and their limit."""
        self._uploads.set(held)
        self._uploads_limit.set(limit)

    def observe_cache(self, state: str) -> None:
        """Set the state of the cache: ``ok`` or ``degraded``."""
        self._up.set(int(state == "ok"), tags={"name": "cache"})

    def observe_account_events(self, totals: Mapping[str, int]) -> None:
        """Set the totals by event name since the start of the replica."""
        self._account_events.observe(totals)

    def observe_models(self, models: Iterable[ModelInService]) -> None:
        """Set again on every call: Ray drops a gauge that is not set for a few seconds."""
        self._build.set(1, tags={"version": VERSION})
        for model in models:
            self._model.set(
                1,
                tags={
                    "model": ascii_name(model.name),
                    "model_version": model.version,
                    "runtime": model.runtime,
                    "precision": model.precision,
                },
            )


def _component_gauge() -> metrics.Gauge:
    return metrics.Gauge(
        "raylens_component_up",
        description="1 while the cache, database or storage is available, otherwise 0.",
        tag_keys=("name",),  # "component" is a label of the scrape target
    )


class _Totals:
    """A counter fed with totals since the start of the replica, by the value of its ``tag``."""

    def __init__(self, name: str, description: str, tag: str = "") -> None:
        self._counter = metrics.Counter(name, description=description, tag_keys=(tag,) if tag else None)
        self._tag = tag
        self._before: dict[str, int] = {}

    def observe(self, totals: Mapping[str, int]) -> None:
        for value, total in totals.items():
            if total > self._before.get(value, 0):
                tags = {self._tag: value} if self._tag else None
                self._counter.inc(total - self._before.get(value, 0), tags=tags)
                self._before[value] = total
