"""Calculates the size of a cluster for a given throughput from measurements on this machine."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.serve_yaml import read

TENSOR_BYTES: Final = 224 * 224 * 3
"""Size of an image sent from the Preprocessor to the Classifier."""

PROBABILITIES_BYTES: Final = 1000 * 4
"""Size of the probabilities sent from the Classifier to Results."""

ROWS_PER_IMAGE: Final = 9
"""One classification, two counters (image and label) and three time buckets for each counter."""


@dataclass(frozen=True, slots=True)
class Stage:
    """CPU milliseconds per image of a deployment."""

    name: str
    alone_ms: float
    """With batches of one image."""
    together_ms: float
    """With full batches."""

    def cost_ms(self, batch: float, full: float) -> float:
        """With ``batch`` images per call. Part of the cost of a call does not depend on the batch size."""
        if full <= 1 or batch >= full:
            return self.together_ms
        share_alone = (1 / max(1.0, batch) - 1 / full) / (1 - 1 / full)
        return self.together_ms + share_alone * max(0.0, self.alone_ms - self.together_ms)


@dataclass(frozen=True, slots=True)
class Measured:
    """Measured inputs."""

    stages: tuple[Stage, ...]
    """Ingress, Preprocessor, Classifier, Results, HAProxy."""
    full_batch: float
    """Images per call at full load."""
    latency_ms: float
    """Latency of an image without load."""
    transaction_ms: dict[int, float]
    """By number of records (1 and a full batch), with the largest database."""
    row_bytes: float
    """Disk space per classification, including counters and indexes."""
    photo_bytes: float


@dataclass(frozen=True, slots=True)
class Assumed:
    """Assumptions."""

    busy_share: float = 0.8
    """Maximum utilization of a replica, as in config/serve.yaml."""
    node_cores: float = 8.0
    """vCPUs of a node such as c7i.2xlarge, each as fast as a core of this machine."""
    node_kept: float = 0.5
    """vCPUs reserved for kubelet, Ray and daemons."""
    node_gbit_s: float = 3.1
    """Baseline network bandwidth of a node in each direction."""
    calls_a_classifier: int = 2
    """Calls in flight per Classifier from all Ingresses: ``batches_per_classifier`` of config/serve.yaml."""
    largest_share: float = 0.05
    """Share of images with the most frequent label."""

    @classmethod
    def shipped(cls) -> "Assumed":
        """With the values of config/serve.yaml."""
        (application,) = read()["applications"]
        policy = application["autoscaling_policy"]["policy_kwargs"]
        return cls(
            busy_share=policy["busy_share"],
            calls_a_classifier=application["args"]["queue"]["batches_per_classifier"],
        )


@dataclass(frozen=True, slots=True)
class Need:
    """Requirements of one deployment."""

    name: str
    cpu_ms: float
    """Per image, with the expected batch size."""
    cores: float
    """Average number of cores used."""
    replicas: int
    """With one core each and at most ``busy_share`` utilization."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """The cluster for ``rate`` images/s. Rates and bytes are per second, ``disk_bytes`` per day."""

    rate: float
    batch: float
    """Images per call."""
    needs: tuple[Need, ...]
    nodes: int
    photo_bytes: float
    """From clients to the Ingresses, and again to the Preprocessors."""
    tensor_bytes: float
    node_bits: float
    """Sent per node, if traffic is evenly distributed and always between nodes."""
    transactions: float
    rows_written: float
    writers: float
    """Average number of concurrent transactions; SQLite supports one."""
    row_locked: float
    """Share of time that the counter row of the most frequent label is locked; at 1 it is the bottleneck."""
    disk_bytes: float

    def need(self, name: str) -> Need:
        return next(need for need in self.needs if need.name == name)


def size(rate: float, measured: Measured, assumed: Assumed, batch: float | None = None) -> Sizing:
    """Size a cluster for uncached images. ``batch``: images per call; None computes the expected number.

    Batch size and replicas depend on each other and are computed iteratively.
    """
    if batch is None:
        batch = 1.0
        for _ in range(20):
            needs = _needs(rate, batch, measured, assumed)
            batch = _batch(rate, {need.name: need.replicas for need in needs}, measured, assumed)
    needs = _needs(rate, batch, measured, assumed)
    nodes = math.ceil(sum(need.replicas for need in needs) / (assumed.node_cores - assumed.node_kept))
    transaction_ms = _between(measured.transaction_ms, batch)
    photo_bytes, tensor_bytes = rate * measured.photo_bytes, rate * TENSOR_BYTES
    with_label = 1 - (1 - assumed.largest_share) ** batch
    transactions = rate / batch
    return Sizing(
        rate=rate,
        batch=batch,
        needs=needs,
        nodes=nodes,
        photo_bytes=photo_bytes,
        tensor_bytes=tensor_bytes,
        node_bits=8 * (photo_bytes + tensor_bytes + rate * PROBABILITIES_BYTES) / nodes,
        transactions=transactions,
        rows_written=rate * ROWS_PER_IMAGE,
        writers=transactions * transaction_ms / 1e3,
        row_locked=transactions * with_label * transaction_ms / 1e3,
        disk_bytes=rate * 86_400 * measured.row_bytes,
    )


def capacity_of(limit: float, measured: Measured, assumed: Assumed, load: Callable[[Sizing], float]) -> float:
    """The rate in images/s at which ``load`` of the sized cluster reaches ``limit``, accurate to 0.1 %."""
    low, high = 0.0, 1e6
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if load(size(middle, measured, assumed)) < limit else (low, middle)
    return low


def _needs(rate: float, batch: float, measured: Measured, assumed: Assumed) -> tuple[Need, ...]:
    return tuple(
        _need(stage.name, rate, stage.cost_ms(batch, measured.full_batch), assumed.busy_share)
        for stage in measured.stages
    )


def _need(name: str, rate: float, cpu_ms: float, busy_share: float) -> Need:
    cores = rate * cpu_ms / 1e3
    return Need(name, cpu_ms, cores, max(1, math.ceil(cores / busy_share)))


def _batch(rate: float, replicas: dict[str, int], measured: Measured, assumed: Assumed) -> float:
    """Expected images per call. An Ingress sends an image immediately unless all of its calls are in flight.

    By Little's law, the number of images in flight is rate × latency. The Ingresses share the calls.
    """
    in_flight = rate * measured.latency_ms / 1e3
    calls = max(replicas["Ingress"], assumed.calls_a_classifier * replicas["Classifier"])
    return min(max(1.0, in_flight / calls), measured.full_batch)


def _between(transaction_ms: dict[int, float], batch: float) -> float:
    """Duration of a transaction, linear in the number of records."""
    few, many = min(transaction_ms), max(transaction_ms)
    per_record = (transaction_ms[many] - transaction_ms[few]) / (many - few)
    return transaction_ms[few] + per_record * (batch - few)
