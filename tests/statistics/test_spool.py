"""The state of the spool: backlog, quarantine and free space."""

import time
from pathlib import Path

from serve_app.statistics.spool import Spool
from tests.statistics.examples import examples


def test_an_empty_spool_has_no_backlog(tmp_path: Path):
    state = Spool(tmp_path).state()
    assert (state.pending, state.quarantined, state.oldest_s) == (0, 0, 0)
    assert 0 < state.free_bytes <= state.size_bytes


def test_the_state_counts_records_and_gives_the_age_of_the_oldest(tmp_path: Path):
    spool = Spool(tmp_path)
    first = spool.put(examples(1, 2, 3))
    spool.put(examples(4))
    first.rename(first.with_name(f"{time.time_ns() - 90 * 10**9:020d}-older-3.json"))
    spool.quarantine_records(examples(5, 6), "rejected")
    (spool.quarantine / "foreign.json").write_text("")
    state = spool.state()
    assert (state.pending, state.quarantined) == (4, 3)
    assert 90 <= state.oldest_s < 100
