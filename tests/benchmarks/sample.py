"""A sample benchmark with known results."""

from benchmarks.floor import Floor
from benchmarks.limit import Limit
from benchmarks.load import Load
from benchmarks.open_loop import Arrivals
from benchmarks.processes import Memory
from benchmarks.results import CASES, Benchmark, Machine, Round, Run


def load(rate: float, refused: int = 0, client_cores: float = 0.1) -> Load:
    return Load(round(rate * 10) + refused, 10.0, refused, 0, 5.0, 8.0, 12.5, client_cores)


def round_of(limit: float, full: float, hits: float, cores_got: float = 1.99) -> Round:
    rates = dict(zip([case.name for case in CASES], (50.0, 90.0, full, hits, 0.9 * hits), strict=True))
    runs = {
        name: Run(load(rate), 7.5, {"Ingress": 1.25, "Classifier": 5.5}, other_cores=0.0)
        for name, rate in rates.items()
    }
    memory = {"Ingress": Memory(1, 220.0, 120.0), "Classifier": Memory(1, 400.0, 300.0)}
    hits_open = Arrivals(hits / 2, 10.0, 5000, 4990, 5000, 0, 2.0, 15.0, 1.0, 0.3)
    return Round(
        start_s=11.5,
        limit=Limit(limit, [limit / 2, limit / 2], cores_got, "openvino", "bf16"),
        runs=runs,
        memory=memory,
        make_s=0.5,
        idle_cores={"Ingress": 0.02, "Classifier": 0.01},
        open_hits=hits_open,
        floor=Floor(1.0, 3.0, 0.5),
    )


def benchmark_of(*rounds: Round) -> Benchmark:
    return Benchmark(
        machine=Machine("A CPU", 2, 8.0, "Linux 6", "3.11.2"),
        generator="wrk",
        seconds=10.0,
        photos=80,
        photo_bytes=98_000,
        model={"name": "efficientnet-lite0", "runtime": "openvino", "precision": "bf16"},
        rounds=list(rounds),
        versions={"raylens": "0.1.0", "ray": "2.60.0", "openvino": "2026.4"},
    )
