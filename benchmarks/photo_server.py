"""A local HTTP server for photos that the service fetches by URL."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(photos: list[bytes]) -> Iterator[list[str]]:
    """The URL of each photo."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            photo = photos[int(self.path.strip("/").removesuffix(".jpg"))]
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(photo)))
            self.end_headers()
            self.wfile.write(photo)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield [f"http://127.0.0.1:{server.server_port}/{number}.jpg" for number in range(len(photos))]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
