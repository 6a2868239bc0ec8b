"""``python -m models.export FOLDER``: the pickled spec on stdin becomes ``model.xml`` and ``model.bin`` in the folder.

The child process of ``models.artifacts``, which alone calls it. A ModelError is left in ``failure.json``.
"""

import json
import os
import pickle
import socket
import sys
from pathlib import Path

from models.architectures import build
from models.artifacts import FAILURE
from models.errors import ModelError
from models.spec import ModelSpec

DOWNLOAD_TIMEOUT_S = 30.0


def main() -> int:
    folder = Path(sys.argv[1])
    spec: ModelSpec = pickle.load(sys.stdin.buffer)  # noqa: S301 – written by the parent process
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the export computes nothing worth a GPU's memory
    os.environ["CI"] = "true"  # outside CI, OpenVINO's converter sends usage statistics without asking
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)  # Keras sets none
    try:
        build(spec).export(str(folder / "model.xml"), format="openvino", verbose=False)
    except ModelError as error:
        (folder / FAILURE).write_text(json.dumps({"error": type(error).__name__, "message": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
