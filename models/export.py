"""``python -m models.export FOLDER``: builds ``model.xml`` and ``model.bin`` from the pickled spec on standard input.

Internal: the child process of ``models.artifacts``.
"""

import os
import socket
from pathlib import Path

from models import child_process
from models.spec import ModelSpec

_DOWNLOAD_TIMEOUT_S = 30.0


def export(folder: Path, spec: ModelSpec) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the export does not need a GPU
    os.environ["CI"] = "true"  # disables the telemetry of OpenVINO's converter
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT_S)  # Keras sets none
    from models.architectures import build_keras_model  # noqa: PLC0415
    from models.runtimes.openvino_export import export_to_openvino  # noqa: PLC0415

    export_to_openvino(build_keras_model(spec), spec.transform.shape, folder / "model.xml")


if __name__ == "__main__":
    raise SystemExit(child_process.run_as_child(export))
