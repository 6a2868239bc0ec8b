"""Plain FastAPI and Keras, as tutorials show it: https://fastapi.tiangolo.com/async/ and …/deployment/server-workers/.

- A path operation without ``async`` runs in FastAPI's threads, so decoding and inference do not stop the event loop.
- One worker a core, which the documentation recommends, each with a model of its own; no batching, as there is none.
- uvicorn with uvloop and httptools; no access log.
"""

from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI

from benchmarks.peers.engine import Terms
from benchmarks.peers.keras_engine import KerasClassifier

TERMS = Terms.told()


def create() -> FastAPI:
    app = FastAPI()
    classifier = KerasClassifier(TERMS)

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
        port=TERMS.port,
        workers=TERMS.cores,
        access_log=False,
        log_level="warning",
        timeout_worker_healthcheck=60,
    )


if __name__ == "__main__":
    main()
