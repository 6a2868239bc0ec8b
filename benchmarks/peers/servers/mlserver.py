"""MLServer, configured by https://docs.seldon.ai/mlserver/user-guide/parallel-inference and …/adaptive-batching.

- ``parallel_workers``: processes that infer, so that the GIL is not a bottleneck; they also decode.
- ``max_batch_size``, ``max_batch_time``: adaptive batching, disabled by default; one millisecond of
  waiting, because on a CPU batches are hardly faster per image.
- ``debug`` disabled, as for production; no metrics, because they are not used; orjson installed, which MLServer uses
  to parse requests.
- Images are sent as base64 in V2 JSON, because MLServer does not accept binary tensors over HTTP.
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

from mlserver import MLModel  # type: ignore[import-not-found]
from mlserver.cli.main import root  # type: ignore[import-not-found]
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput  # type: ignore[import-not-found]

from benchmarks.peers.engine import MAX_BATCH, TOP, Classifier, PeerConfig

NAME: Final = "classifier"


class Model(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self.classifier = Classifier(PeerConfig.from_environment())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        encoded = payload.inputs[0].data.root
        rankings = self.classifier.classify([base64.b64decode(photo) for photo in encoded])
        outputs = [
            ResponseOutput(name=name, datatype=datatype, shape=[len(rankings), TOP], data=_column(rankings, name))
            for name, datatype in (("index", "INT64"), ("label", "BYTES"), ("probability", "FP32"))
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)


def _column(rankings: list[list[dict[str, Any]]], name: str) -> list[Any]:
    """One output tensor, rows concatenated."""
    return [entry[name] for ranking in rankings for entry in ranking]


def _settings(config: PeerConfig) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "http_port": config.port,
        "grpc_port": config.port + 1,
        "parallel_workers": config.workers,
        "debug": False,
        "metrics_endpoint": None,
        "environments_dir": str(Path(config.folder, "environments")),
    }


def main() -> None:
    config = PeerConfig.from_environment()
    model = {
        "name": NAME,
        "implementation": "benchmarks.peers.servers.mlserver.Model",
        "max_batch_size": MAX_BATCH,
        "max_batch_time": 0.001,
    }
    Path(config.folder, "settings.json").write_text(json.dumps(_settings(config)))
    Path(config.folder, "model-settings.json").write_text(json.dumps(model))
    root(["start", config.folder])


if __name__ == "__main__":
    main()
