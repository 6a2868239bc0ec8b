"""``python -m models.export FOLDER``: the pickled spec on stdin becomes ``model.xml`` and ``model.bin`` in the folder.

The child process of ``models.artifacts``, which alone calls it.
"""

import os
import socket
from pathlib import Path

from models import child
from models.architectures import build
from models.spec import ModelSpec

DOWNLOAD_TIMEOUT_S = 30.0


def export(folder: Path, spec: ModelSpec) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the export computes nothing worth a GPU's memory
    os.environ["CI"] = "true"  # outside CI, OpenVINO's converter sends usage statistics without asking
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)  # Keras sets none
    build(spec).export(str(folder / "model.xml"), format="openvino", verbose=False)


if __name__ == "__main__":
    raise SystemExit(child.serve(export))
