"""A sample run with known results."""

from benchmarks.growth.load_run import LoadRun
from benchmarks.growth.reads import BATCHES, CLASSIFY, DEEP_PAGE, FIRST_PAGE, TOPS, Times, transaction
from benchmarks.growth.records import Recorded
from benchmarks.growth.replicas import FREE, IMAGE_MS, REPLICAS, Replicas
from benchmarks.growth.request_sizes import IMAGES_IN_FLIGHT, IMAGES_PER_REQUEST, RequestSizes
from benchmarks.growth.results import Growth
from benchmarks.load import Load
from benchmarks.results import Machine

CPU_MS = {"Ingress": 1.0, "Preprocessor": 2.0, "Classifier": 6.0, "Results": 0.5, "HAProxy": 0.25}


def loaded(rate: float, images: int = 1, median_ms: float = 20.0, factor: float = 1.0, **changed: float) -> LoadRun:
    """``rate``: images/s. ``factor`` multiplies the CPU time per image."""
    cpu_s = {part: 10 * rate * factor * ms / 1e3 for part, ms in CPU_MS.items()}
    others = changed.get("other_cores", 0.0)
    client = changed.get("client_cores", 0.1)
    load = Load(round(10 * rate / images), 10.0, 0, 0, median_ms, 2 * median_ms, 3 * median_ms, client)
    return LoadRun(load, images, 8.0, cpu_s, 10.0, sum(cpu_s.values()) / 10 + client + others, others)


def replicas(*rates: float) -> list[Replicas]:
    """One round: a rate for each number of replicas, and one for the 0 ms model."""
    numbers = [*((number, IMAGE_MS) for number in REPLICAS), (FREE, 0.0)]
    return [Replicas(number, image_ms, loaded(rate)) for (number, image_ms), rate in zip(numbers, rates, strict=True)]


def recorded(rows: int, slower: float = 1.0) -> Recorded:
    api = {name: Times(4.0 * slower, 9.0 * slower) for name in (*TOPS, FIRST_PAGE, DEEP_PAGE, CLASSIFY)}
    database = {name: Times(1.0 * slower, 2.0 * slower) for name in (*TOPS, FIRST_PAGE, DEEP_PAGE)}
    database |= {transaction(number): Times(1.0 + 0.1 * (number - 1), 5.0) for number in BATCHES}
    return Recorded(rows, 12.0, 700 * rows, database, api)


def request_sizes(*rates: float) -> RequestSizes:
    runs = {
        count: loaded(rate, count, 1e3 * IMAGES_IN_FLIGHT / rate)
        for count, rate in zip(IMAGES_PER_REQUEST, rates, strict=True)
    }
    return RequestSizes(runs, loaded(40.0, median_ms=25.0, factor=3.0))


def growth() -> Growth:
    return Growth(
        machine=Machine("A CPU", 2, 8.0, "Linux 6", "3.11.2"),
        generator="wrk",
        seconds=10.0,
        photo_bytes=98_000.0,
        model={"name": "efficientnet-lite0", "runtime": "openvino", "precision": "bf16"},
        database="SQLite",
        replicas=[replicas(48, 96, 180, 200, 210), replicas(50, 98, 190, 205, 215), replicas(50, 100, 200, 220, 220)],
        records=[recorded(10_000), recorded(10_000_000, 1.5)],
        requests=[request_sizes(100, 110, 130, 120), request_sizes(90, 99, 99, 99)],
        versions={"raylens": "0.1.0", "ray": "2.60.0", "openvino": "2026.4"},
    )
