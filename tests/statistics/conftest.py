from pathlib import Path

import pytest
from sqlalchemy import Engine

from serve_app.statistics.durable_recorder import DurableRecorder


@pytest.fixture
def recorder(engine: Engine, tmp_path: Path) -> DurableRecorder:
    return DurableRecorder(engine, tmp_path / "spool", probe_every_s=0.05)
