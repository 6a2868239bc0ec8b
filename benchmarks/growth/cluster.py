"""Applies the sizing to the results of a run: tables and notes on the required cluster."""

from typing import Final

from benchmarks.growth.load_run import LoadRun
from benchmarks.growth.reads import BATCHES, transaction
from benchmarks.growth.request_sizes import IMAGES_IN_FLIGHT
from benchmarks.growth.results import Growth
from benchmarks.growth.sizing import Assumed, Measured, Need, Sizing, Stage, capacity_of, size
from benchmarks.tables import Rows

RATE: Final = 10_000.0
STAGES: Final = ("Ingress", "Preprocessor", "Classifier", "Results", "HAProxy")
SINGLE: Final = ("Ingress", "Results")
"""Deployments with one replica in config/serve.yaml."""


def measured(found: Growth) -> Measured:
    """The inputs of the sizing from a complete run."""

    def cpu(stage: str) -> Stage:
        def of(run: LoadRun) -> float:
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
    """CPU time, cores and replicas, with the expected batch size and with full batches."""
    figures, assumed = measured(found), Assumed.shipped()
    would, full = size(RATE, figures, assumed), size(RATE, figures, assumed, figures.full_batch)
    heading = ["deployment"]
    for sizing in (would, full):
        heading += [f"batch of {sizing.batch:.0f}: CPU ms", "cores", "replicas"]
    return [
        heading,
        *([need.name, *_need(need), *_need(full.need(need.name))] for need in would.needs),
        ["total", *_sums(would), *_sums(full)],
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
    """Single points that limit the throughput, lowest first."""
    figures, assumed = measured(found), Assumed.shipped()
    full = {stage.name: 1e3 / stage.together_ms for stage in figures.stages if stage.name in SINGLE}
    borne = {f"one {name} replica, as in config/serve.yaml": rate for name, rate in full.items()}
    borne["one database writer at a time, as with SQLite"] = capacity_of(
        1.0, figures, assumed, lambda sizing: sizing.writers
    )
    borne[f"the counter row of a label with {100 * assumed.largest_share:.0f} % of the images"] = capacity_of(
        1.0, figures, assumed, lambda sizing: sizing.row_locked
    )
    ordered = sorted(borne.items(), key=lambda each: each[1])
    return [["bottleneck", "images/s"], *([name, f"{rate:,.0f}"] for name, rate in ordered)]


def notes(found: Growth) -> list[str]:
    figures, assumed = measured(found), Assumed.shipped()
    sizing, full = size(RATE, figures, assumed), size(RATE, figures, assumed, figures.full_batch)
    calls = assumed.calls_a_classifier * sizing.need("Classifier").replicas
    in_flight = sizing.rate * figures.latency_ms / 1e3
    share = sizing.node_bits / (assumed.node_gbit_s * 1e9)
    return [
        f"Nodes: {sizing.nodes} with {assumed.node_cores:g} vCPUs each (for example c7i.2xlarge), or {full.nodes} with "
        f"full batches. {assumed.node_kept:g} vCPU per node is reserved for the system; a vCPU is assumed to be as "
        f"fast as a core of this machine, and replicas to be at most {100 * assumed.busy_share:.0f} % utilized.",
        f"Batches: {in_flight:.0f} images are in flight, and the Ingresses may have {calls} calls in flight, so a call "
        f"has {sizing.batch:.1f} images on average. Here, {IMAGES_IN_FLIGHT} connections to one Ingress filled "
        f"calls of {figures.full_batch:.0f}.",
        f"Network: {sizing.photo_bytes / 1e6:,.0f} MB/s of photos ({figures.photo_bytes / 1e3:.0f} KB each) to the "
        f"Ingresses and on to the Preprocessors, {sizing.tensor_bytes / 1e6:,.0f} MB/s of pixels to the Classifiers: "
        f"{sizing.node_bits / 1e9:.2f} Gbit/s sent per node, {100 * share:.0f} % of its baseline bandwidth of "
        f"{assumed.node_gbit_s:g}.",
        f"Database: {sizing.rate:,.0f} classifications/s in {sizing.transactions:,.0f} transactions/s "
        f"({full.transactions:,.0f} with full batches), {sizing.rows_written:,.0f} rows/s including counters. "
        f"{sizing.writers:.1f} concurrent writers on average; the counter row of a label with "
        f"{100 * assumed.largest_share:.0f} % of the images is locked {sizing.row_locked:.2f} of the time. "
        f"{sizing.disk_bytes / 1e9:,.0f} GB of disk space per day.",
    ]
