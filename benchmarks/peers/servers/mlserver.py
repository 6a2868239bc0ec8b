"""MLServer, configured by https://docs.seldon.ai/mlserver/user-guide/parallel-inference and …/adaptive-batching.

- ``parallel_workers``: processes that infer, so that the interpreter lock of one is no bound; they decode, too.
- ``max_batch_size``, ``max_batch_time``: adaptive batching, which is off by default; a millisecond of waiting, since on
  a CPU a batch is barely faster an image than a single one.
- ``debug`` off, which is meant for production; no metrics, which nobody reads here; orjson is installed, which
  MLServer then parses requests with.
- Images travel as base64 in the JSON of the V2 protocol: over HTTP MLServer takes no binary tensors.
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

from mlserver import MLModel  # type: ignore[import-not-found]
from mlserver.cli.main import root  # type: ignore[import-not-found]
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput  # type: ignore[import-not-found]

from benchmarks.peers.engine import MAX_BATCH, TOP, Classifier, Terms

NAME: Final = "classifier"


class Model(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self.classifier = Classifier(Terms.told())
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
    """One output, the rows behind each other."""
    return [entry[name] for ranking in rankings for entry in ranking]


def _settings(terms: Terms) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "http_port": terms.port,
        "grpc_port": terms.port + 1,
        "parallel_workers": terms.workers,
        "debug": False,
        "metrics_endpoint": None,
        "environments_dir": str(Path(terms.folder, "environments")),
    }


def main() -> None:
    terms = Terms.told()
    model = {
        "name": NAME,
        "implementation": "benchmarks.peers.servers.mlserver.Model",
        "max_batch_size": MAX_BATCH,
        "max_batch_time": 0.001,
    }
    Path(terms.folder, "settings.json").write_text(json.dumps(_settings(terms)))
    Path(terms.folder, "model-settings.json").write_text(json.dumps(model))
    root(["start", terms.folder])


if __name__ == "__main__":
    main()
