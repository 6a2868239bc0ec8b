"""NVIDIA Triton: the server from the package nvidia-pytriton with its Python backend.

Configured by https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/optimization.html
and …/user_guide/batcher.html:

- ``instance_group``: several instances of the model, each in its own process.
- ``dynamic_batching`` with defaults: batches of all waiting requests, without delay.
- The Python backend decodes and calls OpenVINO: the package contains no OpenVINO backend, and decoding needs
  Python anyway. The server is started directly instead of through PyTriton's ``bind``, whose inference functions share
  one interpreter.
- The image is sent as the raw request body, see
  https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_binary_data.html.
- gRPC and metrics are disabled, because they are not used.

The backend needs the Python that the package was built for, an early 3.11.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.peers.engine import MAX_BATCH, TOP, PeerConfig

NAME: Final = "classifier"
CONFIG: Final = """
backend: "python"
max_batch_size: {batch}
input [ {{ name: "image", data_type: TYPE_STRING, dims: [ 1 ] }} ]
output [
  {{ name: "index", data_type: TYPE_INT64, dims: [ {top} ] }},
  {{ name: "probability", data_type: TYPE_FP32, dims: [ {top} ] }}
]
dynamic_batching {{ }}
instance_group [ {{ count: {instances}, kind: KIND_CPU }} ]
"""
MODEL: Final = "from benchmarks.peers.servers.triton_model import TritonPythonModel\n"


def _package() -> Path:
    found = find_spec("pytriton")
    if found is None or found.origin is None:
        raise SystemExit("nvidia-pytriton is not installed here.")
    return Path(found.origin).with_name("tritonserver")


def _backends(package: Path, folder: Path) -> Path:
    """The Python backend with the stub for this Python version."""
    backends = folder / "backends"
    shutil.copytree(package / "backends", backends)
    stub = "triton_python_backend_stub"
    shutil.copy(package / "python_backend_stubs" / f"3.{sys.version_info.minor}" / stub, backends / "python" / stub)
    return backends


def _models(config: PeerConfig, folder: Path) -> Path:
    model = folder / "models" / NAME
    (model / "1").mkdir(parents=True)
    (model / "1" / "model.py").write_text(MODEL)
    (model / "config.pbtxt").write_text(CONFIG.format(batch=MAX_BATCH, top=TOP, instances=config.workers))
    return folder / "models"


def main() -> None:
    config = PeerConfig.from_environment()
    package, folder = _package(), Path(config.folder)
    options = {
        "model-repository": _models(config, folder),
        "backend-directory": _backends(package, folder),
        "http-address": "127.0.0.1",
        "http-port": config.port,
        "allow-grpc": "false",
        "allow-metrics": "false",
        "log-info": "false",
    }
    environment = os.environ | {
        # The backend locates its packages by the first python3 in PATH.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(package.parent.with_name("nvidia_pytriton.libs")),
    }
    server = str(package / "bin" / "tritonserver")
    os.execve(server, [server, *(f"--{name}={value}" for name, value in options.items())], environment)


if __name__ == "__main__":
    main()
