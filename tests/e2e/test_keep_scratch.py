"""HEAD, OPTIONS and 405 through HAProxy and the HTTP server, on kept connections."""

from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.service import Service

pytestmark = pytest.mark.e2e

PATHS = ("/", "/api/docs", "/api/docs/assets/swagger-ui.css", "/api/openapi.json", "/api/health/ready", "/report/")


def test_head_get_options_and_405_share_a_connection(service: Service) -> None:
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        for path in PATHS:
            found = {}
            for method in ("HEAD", "GET", "OPTIONS", "DELETE", "HEAD"):
                connection.request(method, path)
                with connection.getresponse() as response:
                    found[method] = response.status, response.headers, response.read()
                    print(path, method, response.status, response.headers.get("connection"), connection.sock and connection.sock.getsockname()[1])
            assert {method: status for method, (status, _, _) in found.items()} == {
                "HEAD": 200,
                "GET": 200,
                "OPTIONS": 204,
                "DELETE": 405,
            }, path
            _, headers, body = found["GET"]
            assert (found["HEAD"][1]["Content-Length"], found["HEAD"][2]) == (headers["Content-Length"], b"")
            assert int(headers["Content-Length"]) == len(body)
            assert found["OPTIONS"][1]["Allow"] == found["DELETE"][1]["Allow"] == "GET, HEAD, OPTIONS"
