"""Start-up cost of a replica whose artifact exists."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import json, os, sys, time
from pathlib import Path
from models.runtimes.loading import load_runtime
from models.zoo import resolve_model

spec = resolve_model("efficientnet-lite0")
runtime = load_runtime(spec, artifacts_dir=Path(sys.argv[1]), threads=1, precision="fp32")
runtime.warm_up()
import psutil

print(json.dumps({
    "heavy": [name for name in ("keras", "tensorflow", "torch") if name in sys.modules],
    "mib": psutil.Process().memory_info().rss / 2**20,
    "cpu_s": time.process_time(),
}))
"""


@pytest.mark.usefixtures("openvino_lite0")
def test_start_up_imports_no_keras_and_needs_little_time_and_memory(artifacts_dir: Path) -> None:
    command = [sys.executable, "-c", START, str(artifacts_dir)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    report = json.loads(outcome.stdout)
    assert report["heavy"] == []
    assert report["mib"] <= 400
    assert report["cpu_s"] <= 3  # of the processor: other processes don't count
    assert outcome.stderr == ""
