"""The destructor of the Results deployment, which Serve calls once before the garbage collector does."""

import time
from collections.abc import Sequence
from typing import cast

from serve_app.deployments.results import ResultsDeployment
from serve_app.stages.results import Results
from serve_app.statistics.record_store import RecordStore
from serve_app.types import Record


class FakeRecordStore:
    def __init__(self) -> None:
        self.stops = 0

    def record_together(self, calls: Sequence[Sequence[Record]]) -> Sequence[Exception | None]:
        raise AssertionError("nothing to record")

    def stop(self) -> None:
        self.stops += 1


def test_the_destructor_waits_for_records_and_stops_the_record_store() -> None:
    deployment, store = object.__new__(ResultsDeployment), FakeRecordStore()
    Results.__init__(deployment, {}, {}, store)
    deployment._record_store = cast("RecordStore", store)

    def record_slowly() -> int:
        time.sleep(0.05)
        return store.stops

    in_progress = deployment._commits._thread.submit(record_slowly)
    deployment.__del__()
    assert (in_progress.done(), in_progress.result(), store.stops) == (True, 0, 1)
    deployment.__del__()
    assert store.stops == 2, "a second call does not fail"


def test_the_destructor_after_a_failed_constructor_does_nothing() -> None:
    object.__new__(ResultsDeployment).__del__()
