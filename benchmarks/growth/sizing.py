"""What a cluster for a given rate needs, calculated from what this machine measured."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.growth.configuration import read

TENSOR_BYTES: Final = 224 * 224 * 3
"""An image as the Preprocessor hands it to the Classifier."""

PROBABILITIES_BYTES: Final = 1000 * 4
"""And the Classifier to Results."""

ROWS_AN_IMAGE: Final = 9
"""A classification, two counters (of its image, of its label) and three buckets of time of each."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployment's CPU milliseconds for an image."""

    name: str
    alone_ms: float
    """Where each image goes down the graph by itself."""
    together_ms: float
    """Where images go in full batches."""

    def cost_ms(self, batch: float, full: float) -> float:
        """With ``batch`` images a call: a share of each call is paid once for all of its images."""
        if full <= 1 or batch >= full:
            return self.together_ms
        share_alone = (1 / max(1.0, batch) - 1 / full) / (1 - 1 / full)
        return self.together_ms + share_alone * max(0.0, self.alone_ms - self.together_ms)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the calculation starts from."""

    stages: tuple[Stage, ...]
    """Ingress, Preprocessor, Classifier, Results, HAProxy."""
    full_batch: float
    """Images of a call when all connections were busy."""
    latency_ms: float
    """Of an image that nothing holds up."""
    transaction_ms: dict[int, float]
    """By records in it, 1 and those of a full batch, with the most classifications in the database."""
    row_bytes: float
    """Of the disk for a classification, with its share of counters and indexes."""
    photo_bytes: float


@dataclass(frozen=True, slots=True)
class Assumed:
    """What was not measured."""

    busy_share: float = 0.8
    """How busy a replica shall be; that of config/serve.yaml."""
    node_cores: float = 8.0
    """vCPUs of a node like c7i.2xlarge, each as fast as a core here."""
    node_kept: float = 0.5
    """Of those, what kubelet, Ray's own processes and daemons keep for themselves."""
    node_gbit_s: float = 3.1
    """Network of such a node that is there at all times, each way."""
    calls_a_classifier: int = 2
    """That all ingresses together keep under way for each; ``batches_per_classifier`` of config/serve.yaml."""
    largest_share: float = 0.05
    """Of all images, those whose most probable class is the most frequent one."""

    @classmethod
    def shipped(cls) -> "Assumed":
        """With what config/serve.yaml says."""
        (application,) = read()["applications"]
        policy = application["autoscaling_policy"]["policy_kwargs"]
        return cls(
            busy_share=policy["busy_share"],
            calls_a_classifier=application["args"]["queue"]["batches_per_classifier"],
        )


@dataclass(frozen=True, slots=True)
class Need:
    """Of one deployment."""

    name: str
    cpu_ms: float
    """For an image, with batches as they would be."""
    cores: float
    """That it keeps busy."""
    replicas: int
    """At most ``busy_share`` busy, one core each."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """The cluster for ``rate`` images/s. Rates and bytes are a second, bytes of the disk a day."""

    rate: float
    batch: float
    """Images that go down the graph as one call."""
    needs: tuple[Need, ...]
    nodes: int
    photo_bytes: float
    """From clients to the ingresses, and again to the Preprocessors."""
    tensor_bytes: float
    node_bits: float
    """Sent by a node, were the traffic between the stages spread evenly and always to another node."""
    transactions: float
    rows_written: float
    writers: float
    """Database connections that are in a transaction at any time; SQLite has one."""
    row_locked: float
    """Share of the time that the counter of the most frequent label is locked: at 1 all writers wait for it."""
    disk_bytes: float

    def need(self, name: str) -> Need:
        return next(need for need in self.needs if need.name == name)


def size(rate: float, measured: Measured, assumed: Assumed, batch: float | None = None) -> Sizing:
    """For uncached images. ``batch``: images that go down the graph together; else as many as would.

    Batches and replicas depend on each other, so they are found in turns.
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
        rows_written=rate * ROWS_AN_IMAGE,
        writers=transactions * transaction_ms / 1e3,
        row_locked=transactions * with_label * transaction_ms / 1e3,
        disk_bytes=rate * 86_400 * measured.row_bytes,
    )


def breaks(limit: float, measured: Measured, assumed: Assumed, load: Callable[[Sizing], float]) -> float:
    """The rate, images/s, at which ``load`` of the cluster for it reaches ``limit``; to one in a thousand."""
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
    """An ingress sends an image at once while it has a call to spare, so images go together only when it has none.

    By Little's law the images under way are the rate × their time. The ingresses share the calls.
    """
    under_way = rate * measured.latency_ms / 1e3
    calls = max(replicas["Ingress"], assumed.calls_a_classifier * replicas["Classifier"])
    return min(max(1.0, under_way / calls), measured.full_batch)


def _between(transaction_ms: dict[int, float], batch: float) -> float:
    """Milliseconds of a transaction of so many records: something for each transaction, something for each record."""
    few, many = min(transaction_ms), max(transaction_ms)
    a_record = (transaction_ms[many] - transaction_ms[few]) / (many - few)
    return transaction_ms[few] + a_record * (batch - few)
