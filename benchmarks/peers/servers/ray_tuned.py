"""One deployment of Ray Serve with OpenVINO, tuned by https://docs.ray.io/en/latest/serve/advanced-guides/performance.html.

- ``RAY_SERVE_ENABLE_HA_PROXY`` and ``RAY_SERVE_THROUGHPUT_OPTIMIZED``: HAProxy hands requests to the replicas directly.
- ``@serve.batch``, by https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html: dynamic batching; one
  millisecond of waiting, because on a CPU batches are hardly faster per image.
- One deployment that decodes and infers, so images are not sent between processes; one replica more than cores.
- ``max_ongoing_requests`` above the batch size.
"""

import asyncio
import os
from typing import Any

os.environ |= {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}

from ray import serve
from starlette.requests import Request

from benchmarks.peers.engine import MAX_BATCH, Classifier, PeerConfig
from benchmarks.peers.servers.ray_cluster import run

CONFIG = PeerConfig.from_environment()


@serve.deployment(num_replicas=CONFIG.workers, max_ongoing_requests=256, ray_actor_options={"num_cpus": 0.5})
class Service:
    def __init__(self) -> None:
        self._classifier = Classifier(CONFIG)

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=0.001)  # type: ignore[untyped-decorator]
    async def classify(self, photos: list[bytes]) -> list[list[dict[str, Any]]]:
        return await asyncio.to_thread(self._classifier.classify, photos)

    async def __call__(self, request: Request) -> dict[str, Any]:
        return {"predictions": await self.classify(await request.body())}


if __name__ == "__main__":
    run(Service.bind(), CONFIG)  # type: ignore[attr-defined]
