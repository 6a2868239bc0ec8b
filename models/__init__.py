"""The model zoo: specs, weights, labels, and the runtimes that execute the models."""

import sys

# OpenVINO reports each import to Google Analytics unless this package is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
