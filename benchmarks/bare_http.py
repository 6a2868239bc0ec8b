"""A FastAPI route that reads a photo and responds at once: the CPU time of HTTP alone.

``python -m benchmarks.bare_http`` prints its port.
"""

import socket
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request

ANSWER: Final = {"predictions": [{"index": index, "label": f"class {index}", "probability": 0.2} for index in range(5)]}

app = FastAPI()


@app.post("/{path:path}")
async def classify(request: Request) -> dict[str, Any]:
    await request.body()
    return ANSWER


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
