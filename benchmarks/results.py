"""Results of the benchmark: all measurements by round, and medians over the rounds."""

import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil
from pydantic import TypeAdapter

from benchmarks.floor import Floor
from benchmarks.limit import Limit
from benchmarks.load import CLIENT_BOTTLENECK, Load
from benchmarks.open_loop import Arrivals
from benchmarks.processes import Memory, is_deployment

LIBRARIES: Final = ("raylens", "ray", "openvino", "pillow", "fastapi", "uvicorn")
NOISY: Final = 0.1
"""CPU share of other programs from which a run is flagged as noisy."""


@dataclass(frozen=True, slots=True)
class Case:
    """One load case."""

    name: str
    connections: int
    cached: bool
    token: bool = False
    """Requests carry a user's access token."""


CASES: Final = (
    Case("1 connection", 1, cached=False),
    Case("16 connections", 16, cached=False),
    Case("64 connections", 64, cached=False),
    Case("64, cache hits", 64, cached=True),
    Case("64, hits with a token", 64, cached=True, token=True),
)
ONE: Final = CASES[0]
MEDIUM: Final = CASES[1]
FULL_LOAD: Final = CASES[2]
HITS: Final = CASES[3]
TOKEN_HITS: Final = CASES[4]
UNCACHED: Final = CASES[:3]


@dataclass(frozen=True, slots=True)
class Run:
    """One case of one round."""

    load: Load
    mean_batch: float
    """Mean number of images per model call; 0 if there was none."""
    cpu_ms_per_image: dict[str, float]
    """By component of the service."""
    other_cores: float
    """Cores used by programs unrelated to the measurement."""

    @property
    def chain_ms(self) -> float:
        """CPU milliseconds per image of Raylens' own deployments."""
        return sum(ms for part, ms in self.cpu_ms_per_image.items() if is_deployment(part))


@dataclass(frozen=True, slots=True)
class Reduced:
    """Throughput in bf16, where the model is faster and all else is not."""

    limit: Limit
    runs: dict[str, Run]
    """MEDIUM and FULL_LOAD, by name."""

    def share(self, case: Case) -> float:
        return self.runs[case.name].load.images_per_s / self.limit.images_per_s


@dataclass(frozen=True, slots=True)
class Round:
    start_s: float
    """From ``raylens serve`` to the first response, seconds."""
    limit: Limit
    runs: dict[str, Run]
    """By the name of the case."""
    memory: dict[str, Memory]
    """By component of the service, at the end of FULL_LOAD."""
    make_s: float
    """What ``make serve`` adds to ``start_s``."""
    idle_cores: dict[str, float]
    """Cores used without requests, by component."""
    open_hits: Arrivals
    """Cache hits that arrive at half the rate of HITS."""
    floor: Floor
    """CPU time that no chain of calls can save."""
    bf16: Reduced | None = None
    """None if the processor lacks it, or if the service uses it anyway."""

    @property
    def chain_ms(self) -> float:
        """CPU milliseconds of the deployments beyond decoding, model and HTTP, with one client."""
        return self.runs[ONE.name].chain_ms - self.floor.total_ms

    @property
    def pss_mib(self) -> float:
        """Memory of all processes; 0 if the system does not report it."""
        return sum(each.pss_mib or 0.0 for each in self.memory.values())


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, minimum and maximum over the rounds."""

    median: float
    least: float
    greatest: float

    @property
    def single(self) -> bool:
        return self.least == self.greatest

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str

    @classmethod
    def here(cls, cores: int) -> "Machine":
        memory_gib = round(psutil.virtual_memory().total / 2**30, 1)
        return cls(
            _cpu_name(), cores, memory_gib, f"{platform.system()} {platform.release()}", platform.python_version()
        )


@dataclass(slots=True)
class Benchmark:
    """All results, as written to the JSON file."""

    machine: Machine
    generator: str
    seconds: float
    """Length of each run."""
    photos: int
    photo_bytes: float
    """Mean size of a file."""
    model: dict[str, Any]
    """As reported by the service."""
    rounds: list[Round] = field(default_factory=list)
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(default_factory=lambda: {name: version(name) for name in LIBRARIES})

    @classmethod
    def read(cls, path: Path) -> "Benchmark":
        """Raises OSError, or ValueError if the file has another format."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def spread(self, of: Callable[[Round], float]) -> Spread:
        return Spread.of([of(each) for each in self.rounds])

    def median(self, of: Callable[[Round], float]) -> float:
        return self.spread(of).median

    def limit(self) -> Spread:
        """Images/s."""
        return self.spread(lambda each: each.limit.images_per_s)

    def rate(self, case: Case) -> Spread:
        """Images/s."""
        return self.spread(lambda each: each.runs[case.name].load.images_per_s)

    def share(self, case: Case) -> Spread:
        """Throughput as a share of the hardware limit in the same round."""
        return self.spread(lambda each: each.runs[case.name].load.images_per_s / each.limit.images_per_s)

    def hit_ratio(self) -> Spread:
        """Throughput of cache hits relative to uncached images in the same round, at 64 connections."""
        return self.spread(
            lambda each: each.runs[HITS.name].load.images_per_s / each.runs[FULL_LOAD.name].load.images_per_s
        )

    def token_ratio(self) -> Spread:
        """Throughput of cache hits with a token relative to those without in the same round."""
        return self.spread(
            lambda each: each.runs[TOKEN_HITS.name].load.images_per_s / each.runs[HITS.name].load.images_per_s
        )

    def errors(self) -> int:
        """Number of refused or failed requests."""
        return sum(run.load.errors for each in self.rounds for run in each.runs.values())

    def warnings(self) -> list[str]:
        """Problems that affect the validity of the results."""
        warnings = []
        for case in CASES:
            name = case.name
            client = self.median(lambda each, name=name: each.runs[name].load.client_cores)  # type: ignore[misc]
            others = self.median(lambda each, name=name: each.runs[name].other_cores)  # type: ignore[misc]
            if client >= CLIENT_BOTTLENECK:
                warnings.append(
                    f"{name}: {self.generator} is the bottleneck; it used {client:.2f} of the one core it can use."
                )
            if others > NOISY * self.machine.cores:
                warnings.append(f"{name}: other programs used {others:.2f} of {self.machine.cores} cores.")
        got = self.median(lambda each: each.limit.cores_got)
        if got < (1 - NOISY) * self.machine.cores:
            warnings.append(
                f"the limit was measured with {got:.2f} of {self.machine.cores} cores, "
                "so the true limit is higher and the shares lower."
            )
        if self.errors():
            warnings.append(f"{self.errors()} requests were refused or failed, so the results are invalid.")
        return warnings

    def as_dict(self) -> dict[str, Any]:
        medians = {
            "limit_images_per_s": asdict(self.limit()),
            "start_s": asdict(self.spread(lambda each: each.start_s)),
            "hits_to_uncached": asdict(self.hit_ratio()),
            "hits_with_token_to_without": asdict(self.token_ratio()),
            "cases": {
                case.name: {"images_per_s": asdict(self.rate(case)), "share_of_limit": asdict(self.share(case))}
                for case in CASES
            },
        }
        return asdict(self) | {"medians": medians, "warnings": self.warnings()}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
