"""OpenVINO reports nothing to its vendor."""

import subprocess
import sys


def test_openvino_is_imported_without_its_telemetry() -> None:
    program = "import models.runtimes.openvino, openvino.tools.ovc.telemetry_utils as used; print(used.tm.__name__)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "openvino.tools.ovc.telemetry_stub"
