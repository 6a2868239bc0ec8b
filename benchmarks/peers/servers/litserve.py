"""LitServe, configured by https://lightning.ai/docs/litserve/features/batching and …/api-reference/litserver.

- ``max_batch_size``: dynamic batching in each worker; ``batch_timeout`` of one millisecond: on a CPU batches
  are hardly faster per image, so waiting only adds latency.
- ``workers_per_device``: inference processes; they also decode.
- ``num_api_servers`` is the default: as many HTTP processes as workers, as the documentation recommends.
- ``fast_queue``: ZeroMQ between the processes, recommended above 100 requests/s.
- The image is sent as the raw request body: the request type ``bytes`` avoids JSON and base64.
"""

from typing import Annotated, Any

import litserve  # type: ignore[import-not-found]
from fastapi import Body

from benchmarks.peers.engine import MAX_BATCH, Classifier, PeerConfig
from models.arrays import UInt8Array


class Api(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        self.classifier = Classifier(PeerConfig.from_environment())

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> UInt8Array:
        return self.classifier.pixels(request)

    def batch(self, inputs: list[UInt8Array]) -> list[UInt8Array]:
        return inputs

    def predict(self, rows: list[UInt8Array]) -> list[list[dict[str, Any]]]:
        return self.classifier.infer(rows)

    def unbatch(self, output: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
        return output

    def encode_response(self, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {"predictions": output}


def main() -> None:
    config = PeerConfig.from_environment()
    api = Api(max_batch_size=MAX_BATCH, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=config.workers, fast_queue=True)
    server.run(host="127.0.0.1", port=config.port, log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()
