"""``python -m models.export FOLDER``: builds ``model.xml`` and ``model.bin`` from the pickled spec on standard input.

Internal: the child process of ``models.artifacts``.
"""

import os
import socket
from importlib.metadata import version
from pathlib import Path

from models import child_process
from models.architectures import build_keras_model
from models.spec import ModelSpec

_DOWNLOAD_TIMEOUT_S = 30.0


def export(folder: Path, spec: ModelSpec) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the export does not need a GPU
    os.environ["CI"] = "true"  # disables the telemetry of OpenVINO's converter
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT_S)  # Keras sets none
    model = build_keras_model(spec)
    _state_version_of_tensorflow()
    model.export(str(folder / "model.xml"), format="openvino", verbose=False)


def _state_version_of_tensorflow() -> None:
    """OpenVINO 2026.4 finds it out with ``exec("import tensorflow")`` and ``exec("del tensorflow")``.

    Since Python 3.13 each ``exec`` in a function has a namespace of its own, so the second one fails.
    """
    from openvino.frontend.tensorflow import utils  # noqa: PLC0415

    utils.get_environment_setup = lambda _: {"tensorflow": version("tensorflow")}


if __name__ == "__main__":
    raise SystemExit(child_process.run_as_child(export))
