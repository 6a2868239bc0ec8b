"""The OAuth server of the service behind a real HTTP server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from sqlalchemy import Engine

from tests.auth.application import Application, create
from tests.servers.process import free_port


@contextmanager
def oauth_service(engine: Engine) -> Iterator[Application]:
    """The application, which listens at ``auth.settings.public_url``."""
    port = free_port()
    application = create(engine, public_url=f"http://127.0.0.1:{port}")
    config = uvicorn.Config(application, port=port, lifespan="off", ws="none", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield application
    finally:
        server.should_exit = True
        thread.join()
