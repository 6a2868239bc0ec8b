"""Example records, and the counters expected for them."""

import hashlib
from collections import defaultdict
from typing import Any

from sqlalchemy import Engine, func, select

from serve_app.statistics.tables import CounterKind, buckets, classifications, counters
from serve_app.statistics.windows import BUCKET_S, bucket_start
from serve_app.types import Record

NOW = 1_800_000_000.0


def example(number: int = 0, **changes: Any) -> Record:
    """A record. ``number`` determines its id and its time."""
    values: dict[str, Any] = {
        "id": f"{number:032x}",
        "created_at": NOW + number / 1e6,
        "sha256": hashlib.sha256(f"{number % 7}".encode()).hexdigest(),
        "url": f"https://example.org/{number % 5}.jpg" if number % 3 else None,
        "format": "JPEG",
        "width": 640,
        "height": 480,
        "model": "efficientnet-lite0",
        "model_version": "1",
        "runtime": "openvino",
        "precision": "bf16",
        "label": f"label_{number % 4}",
        "wnid": f"n{number % 4:08d}",
        "predictions": [(number % 4, 0.75), (999, 0.125)],
        "cached": number % 2 == 0,
        "processing_ms": 10.0 + number % 11,
        "timings_ms": {"fetch": 0.0, "total": 10.0 + number % 11},
    }
    return Record(**{**values, **changes})


def examples(*numbers: int) -> list[Record]:
    return [example(number) for number in numbers]


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(classifications)) or 0


def tallied(engine: Engine) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The contents of counters and buckets: {(kind, key, …): (count, sum, min, max, last seen)}."""
    tallies = ("count", "sum_us", "min_us", "max_us", "last_seen_us")
    with engine.connect() as connection:
        totals = connection.execute(select(counters)).mappings().all()
        keys = {row["id"]: row["key"] for row in totals}
        by_time = connection.execute(select(buckets)).mappings().all()
    return (
        {(row["kind"], row["key"]): tuple(row[name] for name in tallies) for row in totals},
        {
            (row["kind"], keys[row["counter_id"]], row["bucket_s"], row["start_s"]): tuple(row[n] for n in tallies)
            for row in by_time
        },
    )


def expected(engine: Engine) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The expected contents, computed from the rows."""
    totals, by_time = defaultdict(list), defaultdict(list)
    with engine.connect() as connection:
        found = connection.execute(select(classifications)).all()
    for row in found:
        keys = [(CounterKind.LABEL, hashlib.sha256(row.wnid.encode()).digest())]
        if row.url is None:
            keys.append((CounterKind.UPLOAD, bytes.fromhex(row.sha256)))
        elif "?" not in row.url:
            keys.append((CounterKind.URL, hashlib.sha256(row.url.encode()).digest()))
        for key in keys:
            seen = (round(row.processing_ms * 1e3), row.created_us)
            totals[key].append(seen)
            for bucket_s in BUCKET_S.values():
                by_time[(*key, bucket_s, bucket_start(row.created_us // 1_000_000, bucket_s))].append(seen)
    return {key: _tally(seen) for key, seen in totals.items()}, {key: _tally(seen) for key, seen in by_time.items()}


def counts(found: tuple[dict[Any, Any], dict[Any, Any]]) -> list[dict[Any, tuple[int, int]]]:
    """Only count and sum of the contents, which deletions subtract; the extremes remain."""
    return [{key: tally[:2] for key, tally in part.items()} for part in found]


def _tally(seen: list[tuple[int, int]]) -> tuple[int, int, int, int, int]:
    took = [took_us for took_us, _ in seen]
    return len(took), sum(took), min(took), max(took), max(seen_us for _, seen_us in seen)
