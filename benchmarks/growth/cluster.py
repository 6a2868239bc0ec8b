"""From the figures of a run to the cluster they call for: its tables and what to say of it."""

from typing import Final

from benchmarks.growth.bundles import UNDER_WAY
from benchmarks.growth.loaded import Loaded
from benchmarks.growth.reads import BATCHES, transaction
from benchmarks.growth.results import Growth
from benchmarks.growth.sizing import Assumed, Measured, Need, Sizing, Stage, breaks, size
from benchmarks.report import Rows

RATE: Final = 10_000.0
STAGES: Final = ("Ingress", "Preprocessor", "Classifier", "Results", "HAProxy")
SINGLE: Final = ("Ingress", "Results")
"""Deployments of which config/serve.yaml has one replica."""


def measured(found: Growth) -> Measured:
    """Of a run that is whole."""

    def cpu(stage: str) -> Stage:
        def of(run: Loaded) -> float:
            return run.cpu_ms(stage)

        return Stage(stage, found.of_alone(of), found.of_requests(1, of).median)

    most = found.records[-1]
    return Measured(
        stages=tuple(cpu(stage) for stage in STAGES),
        full_batch=float(BATCHES[-1]),
        latency_ms=found.of_alone(lambda run: run.load.median_ms),
        transaction_ms={number: most.database[transaction(number)].median for number in BATCHES},
        row_bytes=most.size_bytes / most.rows,
        photo_bytes=found.photo_bytes,
    )


def deployments(found: Growth) -> Rows:
    """As it would be, and were all calls full."""
    figures, assumed = measured(found), Assumed.shipped()
    would, full = size(RATE, figures, assumed), size(RATE, figures, assumed, figures.full_batch)
    heading = ["part"]
    for sizing in (would, full):
        heading += [f"{sizing.batch:.0f} a call: CPU ms", "cores busy", "replicas"]
    return [
        heading,
        *([need.name, *_need(need), *_need(full.need(need.name))] for need in would.needs),
        ["all", *_sums(would), *_sums(full)],
    ]


def _need(need: Need) -> list[str]:
    return [f"{need.cpu_ms:.2f}", f"{need.cores:.0f}", str(need.replicas)]


def _sums(sizing: Sizing) -> list[str]:
    needs = sizing.needs
    return [
        f"{sum(need.cpu_ms for need in needs):.2f}",
        f"{sum(need.cores for need in needs):.0f}",
        str(sum(need.replicas for need in needs)),
    ]


def limits(found: Growth) -> Rows:
    """What there is one of, and the images/s at which it is full; the first to break on top."""
    figures, assumed = measured(found), Assumed.shipped()
    full = {stage.name: 1e3 / stage.together_ms for stage in figures.stages if stage.name in SINGLE}
    borne = {f"one {name}, as shipped": rate for name, rate in full.items()}
    borne["one writer to the database at a time, as with SQLite"] = breaks(
        1.0, figures, assumed, lambda sizing: sizing.writers
    )
    borne[f"the counter of a label that {100 * assumed.largest_share:.0f} % of the images have"] = breaks(
        1.0, figures, assumed, lambda sizing: sizing.row_locked
    )
    ordered = sorted(borne.items(), key=lambda each: each[1])
    return [["what is full first", "at images/s"], *([name, f"{rate:,.0f}"] for name, rate in ordered)]


def remarks(found: Growth) -> list[str]:
    figures, assumed = measured(found), Assumed.shipped()
    sizing, full = size(RATE, figures, assumed), size(RATE, figures, assumed, figures.full_batch)
    calls = assumed.calls_a_classifier * sizing.need("Classifier").replicas
    under_way = sizing.rate * figures.latency_ms / 1e3
    share = sizing.node_bits / (assumed.node_gbit_s * 1e9)
    return [
        f"{sizing.nodes} nodes of {assumed.node_cores:g} vCPUs (c7i.2xlarge and the like), {full.nodes} were all calls "
        f"full. Each keeps {assumed.node_kept:g} vCPU for itself; a vCPU there is taken to be as fast as a core here, "
        f"and replicas to be {100 * assumed.busy_share:.0f} % busy at most.",
        f"Batches: the Ingresses have {under_way:.0f} images under way and may have {calls} calls, so "
        f"images go down the graph {sizing.batch:.1f} at a time; {UNDER_WAY} connections to one Ingress here filled "
        f"calls of {figures.full_batch:.0f}.",
        f"Network: {sizing.photo_bytes / 1e6:,.0f} MB/s of photos of {figures.photo_bytes / 1e3:.0f} KB come in and go "
        f"on to the Preprocessors, {sizing.tensor_bytes / 1e6:,.0f} MB/s of pixels from there to the Classifiers: "
        f"{sizing.node_bits / 1e9:.2f} Gbit/s sent by a node, {100 * share:.0f} % of the {assumed.node_gbit_s:g} that "
        "such a node has at all times.",
        f"Database: {sizing.rate:,.0f} classifications/s in {sizing.transactions:,.0f} transactions/s "
        f"({full.transactions:,.0f} were all calls full), "
        f"{sizing.rows_written:,.0f} rows/s with their counters; {sizing.writers:.1f} writers at work at any time, and "
        f"the counter of a label that {100 * assumed.largest_share:.0f} % of the images have is locked "
        f"{sizing.row_locked:.2f} of the time. {sizing.disk_bytes / 1e9:,.0f} GB of the disk a day.",
    ]
