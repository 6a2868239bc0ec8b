"""Measures reads and writes on a filled database, by direct function calls and through the API."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx
import numpy as np
from sqlalchemy import Engine

from benchmarks.growth.fill_sql import DAYS, LABELS, USER_ID
from benchmarks.load import LoadFailed
from benchmarks.service import Service
from serve_app.secret_key import split_keys
from serve_app.statistics.cursor import Position, encode_cursor
from serve_app.statistics.history import History
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.top import By, top
from serve_app.statistics.windows import Window
from serve_app.types import Record

TIMES: Final = 50
WARM_UP: Final = 5
PAGE: Final = 20
TOPS: Final = {"Top 10": Window.ALL, "Top 10, day": Window.DAY, "Top 10, week": Window.WEEK}
FIRST_PAGE: Final = "own history, first page"
DEEP_PAGE: Final = "own history, from the middle"
CLASSIFY: Final = "classify an image"
BATCHES: Final = (1, 16)
"""Records per measured transaction; 16 is the maximum batch size of config/serve.yaml."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds."""

    median: float
    p95: float

    @classmethod
    def of(cls, call: Callable[[], object], times: int = TIMES) -> "Times":
        """Measure ``times`` sequential calls after a warm-up."""
        for _ in range(WARM_UP):
            call()
        took = []
        for _ in range(times):
            began = time.perf_counter()
            call()
            took.append((time.perf_counter() - began) * 1e3)
        return cls(float(np.median(took)), float(np.quantile(took, 0.95)))


def transaction(records: int) -> str:
    """The name of the measurement that writes this number of records."""
    return f"record {records} image{'s' if records > 1 else ''}"


def middle(now_s: float, keys: Sequence[bytes]) -> str:
    """The cursor of a page in the middle of the history."""
    return encode_cursor(Position(int((now_s - DAYS * 43_200) * 1e6), "f" * 32), keys[0])


def by_functions(engine: Engine, secret_key: str, now_s: float) -> dict[str, Times]:
    """Measure without the API. Writes come last, because they change the database."""
    keys = split_keys(secret_key)
    history = History(engine, keys)
    found = {name: Times.of(partial(top, engine, By.IMAGE, window, 10)) for name, window in TOPS.items()}
    found[FIRST_PAGE] = Times.of(lambda: history.page(USER_ID, PAGE))
    found[DEEP_PAGE] = Times.of(lambda: history.page(USER_ID, PAGE, middle(now_s, keys)))
    for number in BATCHES:
        found[transaction(number)] = Times.of(lambda number=number: write_records(engine, _records(number)))  # type: ignore[misc]
    return found


def by_api(service: Service, photo: bytes, secret_key: str, now_s: float) -> dict[str, Times]:
    """Measure through the API on one connection. Raises LoadFailed for unexpected responses."""
    own = {"Authorization": f"Bearer {service.token()}"}
    cursor = middle(now_s, split_keys(secret_key))
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=60, trust_env=False) as client:

        def read(path: str, wanted: int, **options: Any) -> None:  # noqa: ANN401 - httpx's own
            try:
                answer = client.get(path, **options)
            except httpx.TimeoutException:
                raise LoadFailed(f"{path} {options['params']} timed out after {client.timeout.read} s") from None
            if not answer.is_success or len(answer.json()["items"]) != wanted:
                raise LoadFailed(f"{path} answered {answer.status_code}: {answer.text[:300]}")

        def classify() -> None:
            client.post("/classifications", params={"cache": "off"}, content=photo).raise_for_status()

        found = {
            name: Times.of(partial(read, "/top", 10, params={"window": window.value})) for name, window in TOPS.items()
        }
        pages = {FIRST_PAGE: {"limit": PAGE}, DEEP_PAGE: {"limit": PAGE, "cursor": cursor}}
        for name, params in pages.items():
            found[name] = Times.of(partial(read, "/classifications", PAGE, params=params, headers=own))
        found[CLASSIFY] = Times.of(classify)
    return found


def _records(number: int) -> list[Record]:
    """Records of new images, spread over all labels."""
    return [_record(secrets.token_hex(16)) for _ in range(number)]


def _record(id_: str) -> Record:
    label = int(id_[:8], 16) % LABELS
    return Record(
        id=id_,
        created_at=time.time(),
        sha256=id_ * 2,
        url=f"https://images.example.org/new/{id_}.jpg",
        format="JPEG",
        width=500,
        height=375,
        model="efficientnet-lite0",
        model_version="1",
        runtime="fake",
        precision="fp32",
        label=f"label {label}",
        wnid=f"n{label:08d}",
        predictions=[(label, 0.75), *((index, 0.0625) for index in range(4))],
        cached=False,
        processing_ms=10.0,
        timings_ms={"fetch": 0.0, "preprocess": 3.0, "queue": 1.5, "inference": 5.5, "total": 10.0},
    )
