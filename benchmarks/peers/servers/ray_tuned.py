"""One deployment of Ray Serve with OpenVINO, tuned by https://docs.ray.io/en/latest/serve/advanced-guides/performance.html.

- ``RAY_SERVE_ENABLE_HA_PROXY`` and ``RAY_SERVE_THROUGHPUT_OPTIMIZED``: HAProxy hands requests to the replicas directly.
- ``@serve.batch``, by https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html: dynamic batching; a
  millisecond of waiting, since on a CPU a batch is barely faster an image than a single one.
- One deployment that decodes and infers, so no image hops between processes; a replica a core and one more.
- ``max_ongoing_requests`` above what batches need.
"""

import asyncio
import os
from typing import Any

os.environ |= {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}

from ray import serve
from starlette.requests import Request

from benchmarks.peers.engine import MAX_BATCH, Classifier, Terms
from benchmarks.peers.servers.ray_cluster import run

TERMS = Terms.told()


@serve.deployment(num_replicas=TERMS.workers, max_ongoing_requests=256, ray_actor_options={"num_cpus": 0.5})
class Service:
    def __init__(self) -> None:
        self._classifier = Classifier(TERMS)

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=0.001)  # type: ignore[untyped-decorator]
    async def classify(self, photos: list[bytes]) -> list[list[dict[str, Any]]]:
        return await asyncio.to_thread(self._classifier.classify, photos)

    async def __call__(self, request: Request) -> dict[str, Any]:
        return {"predictions": await self.classify(await request.body())}


if __name__ == "__main__":
    run(Service.bind(), TERMS)  # type: ignore[attr-defined]
