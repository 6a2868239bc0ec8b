from pathlib import Path

import pytest
from sqlalchemy import Engine

from serve_app.statistics.recorder import Recorder


@pytest.fixture
def recorder(engine: Engine, tmp_path: Path) -> Recorder:
    return Recorder(engine, tmp_path / "spool", probe_every_s=0.05)
