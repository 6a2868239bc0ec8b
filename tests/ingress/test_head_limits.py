"""What precedes the body is limited before it is parsed."""

import pytest

from serve_app.ingress.head_limits import MAX_COOKIES, MAX_HEADER_BYTES, MAX_PARAMETERS, MAX_URI_BYTES
from tests.ingress.graph import Graph

LIVE = "/api/health/live"
COOKIES = "; ".join(f"name{number}={number}" for number in range(MAX_COOKIES))


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"{LIVE}?q={'x' * (MAX_URI_BYTES - 100)}", {}, 200),
        (f"{LIVE}?q={'x' * MAX_URI_BYTES}", {}, 414),
        (f"/{'x' * MAX_URI_BYTES}", {}, 414),
        (f"{LIVE}?{'&'.join(['a'] * MAX_PARAMETERS)}", {}, 200),
        (f"{LIVE}?{'&'.join(['a'] * (MAX_PARAMETERS + 1))}", {}, 414),
        (f"/api/v1/classifications?{'&' * 10_000}", {}, 414),
        (LIVE, {"X-Large": "x" * (MAX_HEADER_BYTES - 1000)}, 200),
        (LIVE, {"X-Large": "x" * MAX_HEADER_BYTES}, 431),
        (LIVE, {f"X-Header-{number}": "x" * 4096 for number in range(8)}, 431),
        (LIVE, {"Cookie": COOKIES}, 200),
        (LIVE, {"Cookie": COOKIES + "; one=more"}, 431),
        (LIVE, {"Cookie": ";" * 10_000}, 431),
    ],
)
async def test_the_head_of_a_request_is_limited(graph: Graph, path: str, headers: dict[str, str], status: int) -> None:
    response = await graph.client.get(path, headers=headers)
    assert response.status_code == status
    if status != 200:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == {414: "uri_too_long", 431: "headers_too_large"}[status]
