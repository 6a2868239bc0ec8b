"""A sample comparison with known results."""

from benchmarks.load import Load
from benchmarks.open_loop import Arrivals
from benchmarks.peers.answers import Agreement
from benchmarks.peers.results import CASES, HITS, RAYLENS, Comparison, Round, Run, Subject, SystemRound
from benchmarks.peers.sizes import LARGE, PHOTO, THUMBNAIL
from benchmarks.results import Machine

LIMITS = {THUMBNAIL: 400.0, PHOTO: 200.0, LARGE: 40.0}


def run(rate: float, median_ms: float = 20.0, cpu_ms: float = 10.0, **changed: float) -> Run:
    others = changed.pop("other_cores", 0.0)
    client = changed.pop("client_cores", 0.1)
    refused = int(changed.pop("refused", 0))
    return Run(
        Load(round(10 * rate) + refused, 10.0, refused, 0, median_ms, 1.5 * median_ms, 2 * median_ms, client),
        cpu_ms,
        others,
    )


def arrivals(rate: float, share: float, lag_ms: float = 1.0) -> Arrivals:
    return Arrivals(rate, 10.0, 1000, round(1000 * share), 1000, 0, 25.0, 180.0, lag_ms, 0.1)


def system(rate: float, shares: list[float], median_ms: float = 20.0, cpu_ms: float = 10.0) -> SystemRound:
    closed = {case.name: run(rate, median_ms, cpu_ms) for case in CASES}
    curve = [arrivals(50.0 * (number + 1), share) for number, share in enumerate(shares)]
    return SystemRound(9.5, closed, curve, 5, 1200.0, 700.0)


def round_of(ours: float, triton: float, litserve: float | None = None) -> Round:
    systems = {
        RAYLENS: system(ours, [1.0, 0.99, 0.6], 16.0, 12.0),
        "triton": system(triton, [1.0, 0.91, 0.3], 20.0, 10.0),
    }
    systems[RAYLENS].closed[HITS.name] = run(1500.0)
    if litserve is not None:
        systems["litserve"] = system(litserve, [0.4], 32.0, 16.0)
    return Round(LIMITS, 1.99, systems)


def comparison(*rounds: Round) -> Comparison:
    def subject(name: str, title: str, agreement: Agreement | None) -> Subject:
        return Subject(name, title, f"{name} 1.2", "OpenVINO", "dynamic", "raw body", agreement)

    peers = [("triton", "NVIDIA Triton"), ("litserve", "LitServe")]
    return Comparison(
        machine=Machine("A CPU", 2, 8.0, "Linux 6", "3.11.2"),
        generator="wrk",
        seconds=10.0,
        model={"name": "efficientnet-lite0", "runtime": "openvino", "precision": "bf16"},
        workers=3,
        threads=1,
        photo_bytes={THUMBNAIL: 7_000.0, PHOTO: 98_000.0, LARGE: 2_900_000.0},
        subjects=[
            subject(RAYLENS, "Raylens", None),
            *(
                subject(name, title, Agreement(172, 0, 0.0012))
                for name, title in peers
                if any(name in each.systems for each in rounds)
            ),
        ],
        rounds=list(rounds),
        left_out={"MLServer": "it ended while it started:\na long log"},
    )
