"""Arrival rates, generated or read from a file."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulation.load import BadLoad, Load, read


def test_the_daily_curve() -> None:
    rates = Load(base=20, peak=400, bursts=0).rates(np.random.default_rng(1))
    assert len(rates) == 86400
    assert rates.argmin() == 4 * 3600
    assert rates.argmax() == 16 * 3600
    assert (rates.min(), rates.max()) == (pytest.approx(20), pytest.approx(400))


def test_bursts() -> None:
    rates = Load(base=10, peak=10, bursts=1, burst=90, burst_s=100).rates(np.random.default_rng(1))
    assert rates.max() == pytest.approx(100)
    assert np.count_nonzero(rates > 10.5) == pytest.approx(100, abs=2)


def test_rates_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("# seconds, images a second\n0,10\n2,30\n4,0\n")
    assert read(path).tolist() == [10, 10, 30, 30]


@pytest.mark.parametrize("text", ["", "0,1\n", "0,1\n0,2\n", "a,b\n1,2\n", "0\n1\n", "0,-1\n5,1\n", "0,nan\n5,1\n"])
def test_malformed_files_are_rejected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "load.csv"
    path.write_text(text)
    with pytest.raises(BadLoad, match=str(path)):
        read(path)
