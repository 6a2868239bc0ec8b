"""What goes out through Ray's Prometheus endpoint, one class a stage. Observed once a batch, not once an image."""

from collections.abc import Iterable, Mapping

from ray.serve import metrics

from serve_app import VERSION
from serve_app.types import Classified, ModelInService, Preprocessed, RecordsState

STAGE_MS: list[float] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
BATCH: list[float] = [1, 2, 4, 8, 16, 32, 64]


def _stage_histogram(stage: str, what: str) -> metrics.Histogram:
    return metrics.Histogram(f"raylens_{stage}_ms", description=f"{what}, milliseconds.", boundaries=STAGE_MS)


class PreprocessorMetrics:
    def __init__(self) -> None:
        self._latency = _stage_histogram("preprocess", "Decoding and resizing of a batch")

    def observe(self, preprocessed: Preprocessed) -> None:
        self._latency.observe(preprocessed.preprocess_ms)


class ClassifierMetrics:
    def __init__(self, model: str) -> None:
        self._latency = _stage_histogram("inference", "One model call")
        self._queue_latency = _stage_histogram("inference_queue", "Wait of a batch for the model")
        self._batch = metrics.Histogram(
            "raylens_batch_size", description="Images in a model call.", boundaries=BATCH, tag_keys=("model",)
        )
        self._waiting = metrics.Gauge(
            "raylens_inference_waiting", description="Images waiting for the model.", tag_keys=("model",)
        )
        self._batch.set_default_tags({"model": model})
        self._waiting.set_default_tags({"model": model})

    def observe(self, classified: Classified, waiting: int) -> None:
        self._latency.observe(classified.inference_ms)
        self._queue_latency.observe(classified.queue_ms)
        if classified.batch_size:
            self._batch.observe(classified.batch_size)
        self._waiting.set(waiting)


class ResultsMetrics:
    def __init__(self) -> None:
        self._latency = _stage_histogram("results", "Ranking and recording of a batch")
        self._written = _Totals("raylens_records_written", "Records in the database.")
        self._pending = metrics.Gauge("raylens_records_pending", description="Records that wait for the database.")
        self._oldest = metrics.Gauge("raylens_records_oldest_s", description="Age of the oldest of them, seconds.")
        self._broken = metrics.Gauge("raylens_records_broken", description="Records set aside: no database takes them.")
        self._free = metrics.Gauge("raylens_spool_free_bytes", description="Room on the disk of the spool.")
        self._size = metrics.Gauge("raylens_spool_size_bytes", description="Size of the disk of the spool.")
        self._up = _part_gauge()

    def observe(self, elapsed_ms: float) -> None:
        self._latency.observe(elapsed_ms)

    def observe_records(self, state: RecordsState) -> None:
        self._written.observe({"": state.written})
        self._pending.set(state.pending)
        self._oldest.set(state.oldest_s)
        self._broken.set(state.quarantined)
        self._free.set(state.free_bytes)
        self._size.set(state.size_bytes)
        self._up.set(int(state.database_available), tags={"part": "database"})


class IngressMetrics:
    def __init__(self) -> None:
        self._latency = metrics.Histogram(
            "raylens_request_ms",
            description="A whole request for one image, milliseconds, by where its answer came from.",
            boundaries=STAGE_MS,
            tag_keys=("outcome",),
        )
        self._fetch = _stage_histogram("fetch", "Fetching an image URL")
        self._rejections = metrics.Counter(
            "raylens_rejections", description="Images not answered, by error code.", tag_keys=("code",)
        )
        self._queue = metrics.Gauge(
            "raylens_queue_images",
            description="Images at an ingress, waiting or running, by model.",
            tag_keys=("model", "state"),
        )
        self._queue_limit = metrics.Gauge(
            "raylens_queue_limit", description="Images that may wait there, by model.", tag_keys=("model",)
        )
        self._uploads = metrics.Gauge("raylens_upload_bytes", description="Request bodies an ingress holds.")
        self._uploads_limit = metrics.Gauge("raylens_upload_limit_bytes", description="What it may hold of them.")
        self._up = _part_gauge()
        self._account_events = _Totals(
            "raylens_account_events", "What happened to accounts, as their log names it.", "event"
        )
        self._model = metrics.Gauge(
            "raylens_model_info",
            description="1 for each model that is served.",
            tag_keys=("model", "model_version", "runtime", "precision"),
        )
        self._build = metrics.Gauge("raylens_build_info", description="1 for this version.", tag_keys=("version",))

    def observe(
        self, latencies_ms: Mapping[str, list[float]], rejections: Mapping[str, int], fetches_ms: list[float]
    ) -> None:
        """What happened since the last call: answers by hit, miss and shared, rejections by code, fetches."""
        for outcome, latencies in latencies_ms.items():
            tags = {"outcome": outcome}
            for latency_ms in latencies:
                self._latency.observe(latency_ms, tags=tags)
        for code, count in rejections.items():
            self._rejections.inc(count, tags={"code": code})
        for fetch_ms in fetches_ms:
            self._fetch.observe(fetch_ms)

    def observe_queue(self, model: str, waiting: int, running: int, limit: int) -> None:
        self._queue.set(waiting, tags={"model": model, "state": "waiting"})
        self._queue.set(running, tags={"model": model, "state": "running"})
        self._queue_limit.set(limit, tags={"model": model})

    def observe_uploads(self, held: int, limit: int) -> None:
        """Bytes of request bodies."""
        self._uploads.set(held)
        self._uploads_limit.set(limit)

    def observe_cache(self, state: str) -> None:
        """``ok`` or ``degraded``."""
        self._up.set(int(state == "ok"), tags={"part": "cache"})

    def observe_account_events(self, totals: Mapping[str, int]) -> None:
        """By name, since the start of the replica."""
        self._account_events.observe(totals)

    def observe_models(self, models: Iterable[ModelInService]) -> None:
        """Said again each time: Ray forgets a gauge that is not set for some seconds."""
        self._build.set(1, tags={"version": VERSION})
        for model in models:
            self._model.set(
                1,
                tags={
                    "model": model.name,
                    "model_version": model.version,
                    "runtime": model.runtime,
                    "precision": model.precision,
                },
            )


def _part_gauge() -> metrics.Gauge:
    return metrics.Gauge("raylens_part_up", description="1, or 0 while a part is away.", tag_keys=("part",))


class _Totals:
    """A counter that is told totals since the start of the replica, by the value of its ``tag``."""

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
