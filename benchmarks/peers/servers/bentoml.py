"""BentoML, configured by https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html.

- ``workers``: processes that each take requests, batch and infer, from
  https://docs.bentoml.com/en/latest/build-with-bentoml/parallelize-requests.html.
- ``batchable``: adaptive batching, which learns by itself how long to wait; ``max_latency_ms`` is when it gives up a
  request, so it is as long as the service's own limit.
- One service, not two: a service apart for the model would hand every image to another process by HTTP.
- A batchable API takes a list; each request brings one photo as a file of a form, the format documented for files.
  BentoML keeps it as a file, which is told to be in memory (``TMPDIR``).
- Metrics, tracing and the access log are off: nobody reads them here.
"""

import os
from pathlib import Path
from typing import Any

import bentoml  # type: ignore[import-not-found]

from benchmarks.peers.engine import MAX_BATCH, Classifier, Terms

TERMS = Terms.told()


@bentoml.service(
    workers=TERMS.workers,
    traffic={"timeout": 60},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Service:
    def __init__(self) -> None:
        self.classifier = Classifier(TERMS)

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    def classify(self, photos: list[Path]) -> list[list[dict[str, Any]]]:
        return self.classifier.classify([path.read_bytes() for path in photos])


def main() -> None:
    memory = Path("/dev/shm")
    os.environ |= {"BENTOML_HOME": TERMS.folder, "BENTOML_DO_NOT_TRACK": "True"}
    if memory.is_dir():
        os.environ["TMPDIR"] = str(memory)
    target = "benchmarks.peers.servers.bentoml:Service"
    from bentoml_cli.cli import cli  # type: ignore[import-not-found]  # noqa: PLC0415

    cli(["serve", target, "--host", "127.0.0.1", "--port", str(TERMS.port)])


if __name__ == "__main__":
    main()
