"""Plain FastAPI and Keras, as in tutorials: https://fastapi.tiangolo.com/async/ and …/deployment/server-workers/.

- A path operation without ``async`` runs in FastAPI's threads, so decoding and inference do not block the event loop.
- One worker per core, as the documentation recommends, each with its own model; FastAPI has no batching.
- uvicorn with uvloop and httptools; no access log.
"""

from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI

from benchmarks.peers.engine import PeerConfig
from benchmarks.peers.keras_engine import KerasClassifier

CONFIG = PeerConfig.from_environment()


def create() -> FastAPI:
    app = FastAPI()
    classifier = KerasClassifier(CONFIG)

    @app.get("/ready")
    def ready() -> None:
        pass

    @app.post("/predict")
    def predict(photo: Annotated[bytes, Body(media_type="image/jpeg")]) -> dict[str, list[dict[str, Any]]]:
        return {"predictions": classifier.infer(classifier.pixels(photo))}

    return app


def main() -> None:
    uvicorn.run(
        "benchmarks.peers.servers.fastapi:create",
        factory=True,
        host="127.0.0.1",
        port=CONFIG.port,
        workers=CONFIG.cores,
        access_log=False,
        log_level="warning",
        timeout_worker_healthcheck=60,
    )


if __name__ == "__main__":
    main()
