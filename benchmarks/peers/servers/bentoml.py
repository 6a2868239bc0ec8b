"""BentoML, configured by https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html.

- ``workers``: processes that each accept requests, batch and infer, from
  https://docs.bentoml.com/en/latest/build-with-bentoml/parallelize-requests.html.
- ``batchable``: adaptive batching, which learns how long to wait. Requests are aborted after ``max_latency_ms``, so it
  equals the timeout of the service.
- One service: a separate service for the model would send every image to another process by HTTP.
- A batchable API takes a list; each request contains one photo in a multipart form, the format documented for files.
  BentoML stores it as a file, in memory by way of ``TMPDIR``.
- Metrics, tracing and the access log are disabled, because they are not used.
"""

import os
from pathlib import Path
from typing import Any

import bentoml  # type: ignore[import-not-found]

from benchmarks.peers.engine import MAX_BATCH, Classifier, PeerConfig

CONFIG = PeerConfig.from_environment()


@bentoml.service(
    workers=CONFIG.workers,
    traffic={"timeout": 60},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Service:
    def __init__(self) -> None:
        self.classifier = Classifier(CONFIG)

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    def classify(self, photos: list[Path]) -> list[list[dict[str, Any]]]:
        return self.classifier.classify([path.read_bytes() for path in photos])


def main() -> None:
    memory = Path("/dev/shm")
    os.environ |= {"BENTOML_HOME": CONFIG.folder, "BENTOML_DO_NOT_TRACK": "True"}
    if memory.is_dir():
        os.environ["TMPDIR"] = str(memory)
    target = "benchmarks.peers.servers.bentoml:Service"
    from bentoml_cli.cli import cli  # type: ignore[import-not-found]  # noqa: PLC0415

    cli(["serve", target, "--host", "127.0.0.1", "--port", str(CONFIG.port)])


if __name__ == "__main__":
    main()
