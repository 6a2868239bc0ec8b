"""Results of a simulation: time series and summary."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

MINUTE_S: Final = 60
SERIES: Final = (
    "arrived",
    "answered",
    "refused",
    "in_system",
    "observed",
    "desired",
    "target",
    "classifiers",
    "preprocessors",
    "ingresses",
    "workers",
    "nodes",
    "cpus",
)
"""Time series with one value per second. ``observed``: images reported to the policy; ``cpus``: of all workers."""
QUANTILES: Final = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a simulated day."""

    images: int
    refused: int
    refused_share: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    longest_ms: float
    mean_classifiers: float
    most_classifiers: int
    changes: int
    """Number of changes of the target number of Classifiers."""
    mean_workers: float
    most_workers: int
    mean_nodes: float
    cpu_hours: float
    """CPU hours of all workers."""
    node_hours: float
    cost: float
    cost_per_million: float
    """Cost per million answered images."""


@dataclass(slots=True)
class Outcome:
    """Time series, latencies of all images, and latency quantiles by minute of service start."""

    seconds: int
    course: dict[str, npt.NDArray[np.float64]] = field(init=False)
    minutes: list[tuple[float, ...]] = field(default_factory=list)
    """Latency quantiles of each minute, seconds; NaN without responses."""
    _latencies: list[npt.NDArray[np.float32]] = field(default_factory=list)
    _minute: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.course = {name: np.zeros(self.seconds) for name in SERIES}

    def record(self, second: int, latencies: npt.NDArray[np.float64], **course: float) -> None:
        for name, value in course.items():
            self.course[name][second] = value
        self._minute.append(latencies)
        if len(self._minute) == MINUTE_S or second == self.seconds - 1:
            together = np.concatenate(self._minute)
            empty = (np.nan,) * len(QUANTILES)
            self.minutes.append(tuple(np.quantile(together, QUANTILES).tolist()) if len(together) else empty)
            self._latencies.append(together.astype(np.float32))
            self._minute = []

    def summary(self, node_price: float) -> Summary:
        """``node_price``: price of one node per hour."""
        course = self.course
        latencies = 1e3 * np.concatenate(self._latencies)
        p50, p90, p99 = np.quantile(latencies, QUANTILES).tolist() if len(latencies) else (0.0, 0.0, 0.0)
        arrived, refused = int(course["arrived"].sum()), int(course["refused"].sum())
        node_hours = float(course["nodes"].sum()) / 3600
        cost = node_hours * node_price
        return Summary(
            images=arrived,
            refused=refused,
            refused_share=refused / max(1, arrived),
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
            longest_ms=float(latencies.max(initial=0.0)),
            mean_classifiers=float(course["classifiers"].mean()),
            most_classifiers=int(course["classifiers"].max()),
            changes=int(np.count_nonzero(np.diff(course["target"]))),
            mean_workers=float(course["workers"].mean()),
            most_workers=int(course["workers"].max()),
            mean_nodes=float(course["nodes"].mean()),
            cpu_hours=float(course["cpus"].sum()) / 3600,
            node_hours=node_hours,
            cost=cost,
            cost_per_million=cost / max(1, len(latencies)) * 1e6,
        )
