"""The last minute of this ingress replica, for the live view."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

WINDOW_S: Final = 60.0
KEPT: Final = 20_000
"""Answers remembered at most; at more than 333 a second the window is shorter than a minute, and says so."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    outcome: str
    timings_ms: dict[str, float]
    batch_size: int


class RollingStats:
    """Remembers answers and refusals; summarises them when asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[_Sample] = deque(maxlen=KEPT)
        self._refusals: deque[tuple[float, str]] = deque(maxlen=KEPT)
        self._unflushed_refusals: Counter[str] = Counter()
        self._unflushed_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._unflushed_fetches_ms: list[float] = []

    def answered(self, outcome: str, timings_ms: dict[str, float], batch_size: int) -> None:
        """``outcome``: hit, miss or shared; ``batch_size``: images of the model call, 0 where there was none."""
        self._samples.append(_Sample(self._clock(), outcome, timings_ms, batch_size))
        self._unflushed_ms[outcome].append(timings_ms["total"])
        if fetch_ms := timings_ms["fetch"]:
            self._unflushed_fetches_ms.append(fetch_ms)

    def refused(self, code: str) -> None:
        """An image went without an answer, by error code."""
        self._refusals.append((self._clock(), code))
        self._unflushed_refusals[code] += 1

    def drain(self) -> tuple[dict[str, list[float]], dict[str, int], list[float]]:
        """Latencies (ms) by outcome, refusals by code, fetches (ms) since the last call, for the metrics."""
        drained = dict(self._unflushed_ms), dict(self._unflushed_refusals), self._unflushed_fetches_ms
        self._unflushed_ms, self._unflushed_refusals, self._unflushed_fetches_ms = defaultdict(list), Counter(), []
        return drained

    def summary(self, window_s: float = WINDOW_S) -> dict[str, Any]:
        """Images/s, latency quantiles (ms) by stage, batch sizes, cache shares and refusals of these seconds."""
        now = self._clock()
        beats = [beat for beat in self._samples if beat.at > now - window_s]
        outcomes = Counter(beat.outcome for beat in beats)
        window_s = now - beats[0].at if len(beats) == KEPT else window_s
        inferred = [beat for beat in beats if beat.outcome == "miss"]
        return {
            "window_s": round(window_s, 1),
            "images_per_s": round(len(beats) / window_s, 2),
            "inferred_per_s": round(len(inferred) / window_s, 2),
            "outcomes": {name: outcomes.get(name, 0) for name in ("hit", "miss", "shared")},
            "cache_hit_share": round((len(beats) - len(inferred)) / len(beats), 4) if beats else 0.0,
            "refusals": dict(Counter(code for at, code in self._refusals if at > now - window_s)),
            "latency_ms": _quantiles([beat.timings_ms["total"] for beat in beats]),
            "stages_ms": {
                stage: _quantiles([beat.timings_ms[stage] for beat in inferred])
                for stage in ("preprocess", "queue", "inference")
            },
            "batch_sizes": {
                str(size): round(count / size) or 1
                for size, count in sorted(Counter(beat.batch_size for beat in inferred if beat.batch_size).items())
            },
        }


def _quantiles(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p90": None, "p99": None}
    p50, p90, p99 = np.quantile(values, [0.5, 0.9, 0.99]).round(3).tolist()
    return {"p50": p50, "p90": p90, "p99": p99}
