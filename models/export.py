"""``python -m models.export FOLDER``: builds ``model.xml`` and ``model.bin`` from the pickled spec on standard input.

Internal: the child process of ``models.artifacts``.
"""

import os
import socket
from pathlib import Path

from models import child_process
from models.architectures import build_keras_model
from models.spec import ModelSpec

_DOWNLOAD_TIMEOUT_S = 30.0


def export(folder: Path, spec: ModelSpec) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the export does not need a GPU
    os.environ["CI"] = "true"  # disables the telemetry of OpenVINO's converter
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT_S)  # Keras sets none
    build_keras_model(spec).export(str(folder / "model.xml"), format="openvino", verbose=False)


if __name__ == "__main__":
    raise SystemExit(child_process.run_as_child(export))
