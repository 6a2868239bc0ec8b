"""Each precision against its own bound, on this processor and on lesser ones that OpenVINO and oneDNN emulate."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.arrays import Float32Array, UInt8Array
from models.errors import PrecisionUnavailable
from models.runtimes.loading import load_runtime
from models.runtimes.runtime import Runtime
from models.zoo import resolve_model
from serve_app.cli.main import app
from serve_app.cluster.serve_config import default_path
from serve_app.settings import settings
from tests.servers.process import free_port

EXACT = 1e-4
"""Rounding of sums in another order; measured below 1e-6."""
BF16_LARGEST, BF16_MEAN = 0.25, 0.02
"""Measured: 0.13, and 0.010 for the most probable class."""

RUN = """
import json, sys
from pathlib import Path
import numpy as np
from models.errors import PrecisionUnavailable
from models.runtimes.loading import load_runtime
from models.zoo import resolve_model

folder, artifacts = map(Path, sys.argv[1:3])
found = {}
for precision in ("auto", "bf16"):
    try:
        runtime = load_runtime(
            resolve_model("efficientnet-lite0"), runtime="openvino", precision=precision, artifacts_dir=artifacts
        )
    except PrecisionUnavailable as error:
        found[precision] = [str(error), 0.0, 0.0]
        continue
    expected = np.load(folder / "reference.npy")
    difference = np.abs(runtime.predict(np.load(folder / "pixels.npy")) - expected)
    top = difference[np.arange(len(expected)), expected.argmax(axis=1)]
    found[precision] = [runtime.precision, float(difference.max()), float(top.mean())]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def sample(
    tmp_path_factory: pytest.TempPathFactory,
    varied_pixels: UInt8Array,
    reference: Float32Array,
    openvino_lite0: Runtime,
) -> Path:
    """Some photos and the probabilities of Keras."""
    folder = tmp_path_factory.mktemp("precision")
    np.save(folder / "pixels.npy", varied_pixels[::4])
    np.save(folder / "reference.npy", reference[::4])
    return folder


def run(sample: Path, artifacts_dir: Path, **environment: str) -> dict[str, tuple[str, float, float]]:
    """Per precision: the reported one, or the error; the largest difference from Keras; the mean of the top class."""
    command = [sys.executable, "-c", RUN, str(sample), str(artifacts_dir)]
    root = Path(__file__).parents[2]
    outcome = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=root, env={**os.environ, **environment}
    )
    assert outcome.stderr == ""
    found: dict[str, tuple[str, float, float]] = json.loads(outcome.stdout)
    return found


def computes_in_bf16() -> bool:
    words = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in words


@pytest.mark.parametrize("isa", ["AVX2", "AVX512_CORE", "ALL"])
def test_auto_gives_the_probabilities_of_keras_on_every_processor(sample: Path, artifacts_dir: Path, isa: str) -> None:
    found = run(sample, artifacts_dir, OV_CPU_MAX_ISA=isa, ONEDNN_MAX_CPU_ISA=isa)
    precision, largest, _ = found["auto"]
    assert precision == "fp32"
    assert largest < EXACT
    precision, largest, mean = found["bf16"]
    if isa != "ALL" or not computes_in_bf16():
        assert "no instructions for bf16" in precision
        assert "Set precision to auto or fp32" in precision
    else:
        assert precision == "bf16"
        assert EXACT < largest < BF16_LARGEST, "it ran in bf16"
        assert mean < BF16_MEAN


def test_fp32_is_not_rounded_to_what_the_environment_says(sample: Path, artifacts_dir: Path) -> None:
    allowed = {"ONEDNN_DEFAULT_FPMATH_MODE": "ANY", "DNNL_DEFAULT_FPMATH_MODE": "ANY"}
    precision, largest, _ = run(sample, artifacts_dir, **allowed)["auto"]
    assert precision == "fp32"
    assert largest < EXACT


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_tensorflow_runs_only_in_fp32(artifacts_dir: Path, precision: str) -> None:
    with pytest.raises(PrecisionUnavailable, match=rf"only in fp32, not in {precision}. Set precision to auto"):
        load_runtime(
            resolve_model("efficientnet-lite0"), runtime="tensorflow", precision=precision, artifacts_dir=artifacts_dir
        )


def test_a_precision_that_cannot_run_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = default_path().read_text().replace("runtime: auto", "runtime: tensorflow")
    (tmp_path / "serve.yaml").write_text(config.replace("precision: auto", "precision: bf16"))
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    outcome = CliRunner().invoke(app, ["serve", "--config", str(tmp_path / "serve.yaml"), "--port", str(free_port())])
    settings.cache_clear()
    assert outcome.exit_code == 1
    assert "Raylens could not start: TensorFlow runs only in fp32, not in bf16." in outcome.stderr
