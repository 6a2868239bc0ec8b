"""What goes out through Ray's Prometheus endpoint, one class a stage. Observed once a batch, not once an image."""

from collections.abc import Iterable, Mapping

from ray.serve import metrics
from ray.serve.config import AutoscalingContext

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


class AutoscalingMetrics:
    """Why there are so many replicas. Set by the policy, in Serve's controller: ten times a second.

    Each step from the queue to the replicas is a series, so the first two that differ name what holds replicas back:
    wanted and target the bounds or a delay, target and running a start or the want of a node.
    """

    def __init__(self) -> None:
        self._images = self._gauge(
            "images", "Images waiting or in work at all ingresses, averaged as the policy sees them"
        )
        self._wanted = self._gauge("wanted_replicas", "Replicas the images ask for, before bounds and delays")
        self._target = self._gauge("target_replicas", "Replicas Serve has decided on, after bounds and delays")
        self._running = self._gauge("running_replicas", "Replicas that run")
        self._min = self._gauge("min_replicas", "Lower bound of the replicas")
        self._max = self._gauge("max_replicas", "Upper bound of the replicas")
        self._bound = self._gauge("bound", "1: more replicas are wanted than allowed, -1: fewer, 0: neither")

    @staticmethod
    def _gauge(name: str, what: str) -> metrics.Gauge:
        return metrics.Gauge(f"raylens_autoscaling_{name}", description=f"{what}.", tag_keys=("deployment",))

    def observe(self, images: Mapping[str, float], wanted: Iterable[tuple[AutoscalingContext, int]]) -> None:
        """``images`` by Classifier deployment; ``wanted`` replicas of each deployment."""
        for deployment, count in images.items():
            self._images.set(count, tags={"deployment": deployment})
        for context, replicas in wanted:
            lowest, highest = context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas
            tags = {"deployment": context.deployment_name}
            self._wanted.set(replicas, tags=tags)
            self._target.set(context.target_num_replicas, tags=tags)
            self._running.set(context.current_num_replicas, tags=tags)
            self._min.set(lowest, tags=tags)
            self._max.set(highest, tags=tags)
            self._bound.set((replicas > highest) - (replicas < lowest), tags=tags)
