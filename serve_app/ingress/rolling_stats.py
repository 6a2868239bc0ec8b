"""Statistics of this ingress replica over the last minute."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

WINDOW_S: Final = 60.0
_MAX_SAMPLES: Final = 20_000
"""Above 333 images per second the window is shorter than a minute, as ``window_s`` shows."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    outcome: str
    timings_ms: dict[str, float]
    batch_size: int


class RollingStats:
    """Collects answers and rejections and summarizes them on request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[_Sample] = deque(maxlen=_MAX_SAMPLES)
        self._rejections: deque[tuple[float, str]] = deque(maxlen=_MAX_SAMPLES)
        self._unflushed_rejections: Counter[str] = Counter()
        self._unflushed_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._unflushed_fetches_ms: list[float] = []

    def answered(self, outcome: str, timings_ms: dict[str, float], batch_size: int) -> None:
        """Add an answer. ``outcome``: hit, miss or shared; ``batch_size``: images in the model call, 0 if none."""
        self._samples.append(_Sample(self._clock(), outcome, timings_ms, batch_size))
        self._unflushed_ms[outcome].append(timings_ms["total"])
        if fetch_ms := timings_ms["fetch"]:
            self._unflushed_fetches_ms.append(fetch_ms)

    def rejected(self, code: str) -> None:
        """Add a rejected image by its error code."""
        self._rejections.append((self._clock(), code))
        self._unflushed_rejections[code] += 1

    def drain(self) -> tuple[dict[str, list[float]], dict[str, int], list[float]]:
        """Latencies (ms) by outcome, rejections by code, fetches (ms) since the last call, for the metrics."""
        drained = dict(self._unflushed_ms), dict(self._unflushed_rejections), self._unflushed_fetches_ms
        self._unflushed_ms, self._unflushed_rejections, self._unflushed_fetches_ms = defaultdict(list), Counter(), []
        return drained

    def summary(self, window_s: float = WINDOW_S) -> dict[str, Any]:
        """Images/s, latency quantiles (ms) by stage, batch sizes, cache hit share and rejections in the window."""
        now = self._clock()
        samples = [sample for sample in self._samples if sample.at > now - window_s]
        outcomes = Counter(sample.outcome for sample in samples)
        window_s = now - samples[0].at if len(samples) == _MAX_SAMPLES else window_s
        inferred = [sample for sample in samples if sample.outcome == "miss"]
        return {
            "window_s": round(window_s, 1),
            "images_per_s": round(len(samples) / window_s, 2),
            "inferred_per_s": round(len(inferred) / window_s, 2),
            "outcomes": {name: outcomes.get(name, 0) for name in ("hit", "miss", "shared")},
            "cache_hit_share": round((len(samples) - len(inferred)) / len(samples), 4) if samples else 0.0,
            "refusals": dict(Counter(code for at, code in self._rejections if at > now - window_s)),
            "latency_ms": _quantiles([sample.timings_ms["total"] for sample in samples]),
            "stages_ms": {
                stage: _quantiles([sample.timings_ms[stage] for sample in inferred])
                for stage in ("preprocess", "queue", "inference")
            },
            "batch_sizes": {
                str(size): round(count / size) or 1
                for size, count in sorted(
                    Counter(sample.batch_size for sample in inferred if sample.batch_size).items()
                )
            },
        }


def _quantiles(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p90": None, "p99": None}
    p50, p90, p99 = np.quantile(values, [0.5, 0.9, 0.99]).round(3).tolist()
    return {"p50": p50, "p90": p90, "p99": p99}
