"""A replica that finds its artifact starts light and fast."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import json, os, sys, time
from pathlib import Path
from models.runtimes.loading import load
from models.zoo import resolve

runtime = load(resolve("efficientnet-lite0"), artifacts_dir=Path(sys.argv[1]), threads=1, precision="fp32")
runtime.warm_up()
import psutil

print(json.dumps({
    "heavy": [name for name in ("keras", "tensorflow", "torch") if name in sys.modules],
    "mib": psutil.Process().memory_info().rss / 2**20,
    "cpu_s": time.process_time(),
}))
"""


@pytest.mark.usefixtures("openvino_lite0")
def test_with_an_artifact_it_needs_neither_keras_nor_much_time_and_memory(artifacts_dir: Path) -> None:
    command = [sys.executable, "-c", START, str(artifacts_dir)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    told = json.loads(outcome.stdout)
    assert told["heavy"] == []
    assert told["mib"] <= 400
    assert told["cpu_s"] <= 3  # of the processor: other processes don't count
    assert outcome.stderr == ""
