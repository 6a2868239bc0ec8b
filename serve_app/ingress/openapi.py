"""``python -m serve_app.ingress.openapi FILE`` writes the OpenAPI document without starting Ray or a model.

The web app's types are generated from it.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from models.zoo import resolve_model
from serve_app.config import BuildArguments
from serve_app.handles import PreprocessorHandle, RemoteMethod, ResultsHandle
from serve_app.ingress.api import create_api
from serve_app.ingress.gateway import Gateway
from serve_app.observability.metrics import IngressMetrics
from serve_app.pipeline import Pipeline
from serve_app.settings import Settings


class _NoReplicas:
    """A handle that cannot be called."""

    def __getattr__(self, method: str, /) -> RemoteMethod[..., Any]:
        raise AttributeError(f"No replica runs; {method} cannot be called.")


def document() -> str:
    """The document as indented JSON, for readable diffs."""
    with tempfile.TemporaryDirectory() as folder:
        # The defaults, whatever the environment says: no variable has such a name.
        known = Settings(data_dir=Path(folder), _env_file=None, _env_prefix="=")
        gateway = Gateway(
            Pipeline(PreprocessorHandle(_NoReplicas()), {}, ResultsHandle(_NoReplicas())),
            specs=[resolve_model(known.models[0])],
            deployments={},
            arguments=BuildArguments(),
            settings=known,
            metrics=IngressMetrics(),
        )
        return json.dumps(create_api(gateway).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document())
