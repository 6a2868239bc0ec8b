"""A checkout whose service is a small HTTP server that classifies nothing."""

from pathlib import Path

from benchmarks.checkout import Checkout

SERVE = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        models = {"items": [{"name": "NAME", "runtime": "openvino", "precision": "fp32"}]}
        self.answer(models if self.path.endswith("/models") else {"batch_sizes": {"2": 3}})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"predictions": [], "auth_token": "rlt_x"})

    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Cache", "hit")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

port = int(sys.argv[sys.argv.index("--port") + 1])
server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
print(json.dumps({"web": f"http://127.0.0.1:{port}/"}), flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
"""


def small_checkout(folder: Path, model: str) -> Checkout:
    """``model``: the name that its service reports."""
    package = folder / "serve_app" / "cli"
    package.mkdir(parents=True)
    for each in (package, package.parent):
        (each / "__init__.py").touch()
    (package / "main.py").write_text(SERVE.replace("NAME", model))
    return Checkout(folder)
