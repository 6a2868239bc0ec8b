"""What goes out through Ray's Prometheus endpoint, one class a stage. Observed once a batch, not once an image."""

from ray.serve import metrics

from serve_app.types import Classified, Preprocessed

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
        self._written = metrics.Counter("raylens_records_written", description="Records in the database.")
        self._pending = metrics.Gauge("raylens_records_pending", description="Records that wait for the database.")
        self._written_before = 0

    def observe(self, elapsed_ms: float) -> None:
        self._latency.observe(elapsed_ms)

    def observe_records(self, written: int, pending: int) -> None:
        """``written``: since the start of the replica."""
        if written > self._written_before:
            self._written.inc(written - self._written_before)
            self._written_before = written
        self._pending.set(pending)


class IngressMetrics:
    def __init__(self) -> None:
        self._latency = _stage_histogram("request", "A whole request for one image")
        self._cache = metrics.Counter(
            "raylens_cache", description="Answers by where they came from.", tag_keys=("outcome",)
        )
        self._rejections = metrics.Counter(
            "raylens_rejections", description="Images not answered, by error code.", tag_keys=("code",)
        )
        self._waiting = metrics.Gauge(
            "raylens_images_waiting", description="Images waiting or in work at an ingress.", tag_keys=("model",)
        )

    def observe(self, answers: dict[str, int], rejections: dict[str, int], latencies_ms: list[float]) -> None:
        """What happened since the last call: answers by hit, miss and shared, rejections by code."""
        for outcome, count in answers.items():
            self._cache.inc(count, tags={"outcome": outcome})
        for code, count in rejections.items():
            self._rejections.inc(count, tags={"code": code})
        for latency_ms in latencies_ms:
            self._latency.observe(latency_ms)

    def observe_queue(self, images_by_model: dict[str, int]) -> None:
        for model, images in images_by_model.items():
            self._waiting.set(images, tags={"model": model})
