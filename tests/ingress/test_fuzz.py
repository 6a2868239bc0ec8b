"""Fuzzing: every response is one of the documented ones, never a 500."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingress.graph import Graph, running
from tests.ingress.pictures import picture, truncated

POSTS = ["/api/v1/classifications", "/classify-image"]
OWN_ERROR_FORMATS = ("/secret", "/auth", "/oauth", "/.well-known")
GETS = ["/api/v1/top", "/api/v1/labels", "/api/v1/models/{}", "/api/v1/classifications/{}", "/report", "/{}"]

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
CONTENT_TYPES = st.sampled_from(
    [
        "application/json",
        "application/problem+json",
        "multipart/form-data",
        "multipart/form-data; boundary=X",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=X; charset=utf-16",
        "image/png",
        "application/octet-stream",
        ";",
    ]
) | st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """The data with a part replaced or removed."""
    return st.builds(
        lambda at, drop, junk: data[:at] + junk + data[at + drop :],
        st.integers(0, len(data)),
        st.integers(0, 20),
        st.binary(max_size=20),
    )


images = st.sampled_from([*(picture(file_format=name) for name in FORMATS), truncated()])
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=40),
    lambda values: st.lists(values, max_size=5) | st.dictionaries(st.text(max_size=10), values, max_size=5),
    max_leaves=20,
)
encoded = images.map(lambda data: base64.b64encode(data).decode())
urls = st.text(st.characters(), max_size=30).map(lambda rest: f"http://127.0.0.1:1{rest}")
json_images = st.fixed_dictionaries(
    {}, optional={"image_url": urls | json_values, "image_base64": encoded | json_values, "images": json_values}
)
json_bodies = (
    (json_images | st.fixed_dictionaries({"images": st.lists(json_images | json_values, max_size=4)}) | json_values)
    .map(json.dumps)
    .map(str.encode)
)
parts = st.builds(
    lambda name, extra, data: (
        b'--X\r\nContent-Disposition: form-data; name="' + name + b'"' + extra + b"\r\n\r\n" + data + b"\r\n"
    ),
    st.sampled_from([b"file", b"images", b"\xff", b"+2AA-"]),
    st.sampled_from([b"", b'; filename="a.png"', b"\r\nContent-Type: image/png", b"\r\nX"]),
    images | st.binary(max_size=50),
)
multipart = st.lists(parts, max_size=4).map(lambda all_parts: b"".join([*all_parts, b"--X--\r\n"]))
bodies = st.one_of(
    st.binary(max_size=200),
    images,
    images.flatmap(mutated),
    json_bodies,
    json_bodies.flatmap(mutated),
    multipart,
    multipart.flatmap(mutated),
)
words = st.text(st.characters(codec="utf-8"), max_size=20)
queries = st.dictionaries(
    st.sampled_from(["top_k", "model", "cache", "by", "window", "limit", "q", "x"]),
    words | st.integers().map(str) | st.sampled_from(["5", "use", "refresh", "off", "label", "week"]),
    max_size=4,
)
timeouts = st.sampled_from(["1", "30"]) | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=9)


def check(response: httpx.Response) -> None:
    assert response.status_code in {200, 201, 307, 400, 401, 404, 405, 413, 415, 422, 503, 504}, response.text
    if response.status_code >= 400 and not response.request.url.path.startswith(OWN_ERROR_FORMATS):
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    if response.status_code == 201 and "items" in response.json():
        assert all(item.get("status", 201) < 500 for item in response.json()["items"])


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """An event loop outside of the functions that Hypothesis calls, which are synchronous."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def graph(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Graph]:
    context = running(tmp_path)
    yield runner.run(context.__aenter__())
    runner.run(context.__aexit__(None, None, None))


MANY = pytest.mark.parametrize("examples", [150, pytest.param(3000, marks=pytest.mark.chaos)])


def profile(examples: int) -> settings:
    suppressed = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=suppressed,
        database=None,
        derandomize=examples < 1000,
    )


@MANY
def test_any_post(runner: asyncio.Runner, graph: Graph, examples: int) -> None:
    @profile(examples)
    @given(st.sampled_from(POSTS), bodies, CONTENT_TYPES, queries, st.none() | timeouts)
    def post(path: str, body: bytes, content_type: str, query: dict[str, str], timeout: str | None) -> None:
        headers = [(b"Content-Type", content_type.encode("latin-1"))]
        if timeout is not None:
            headers.append((b"X-Request-Timeout", timeout.encode()))
        check(runner.run(graph.client.post(path, content=body, headers=headers, params=query)))

    post()


@MANY
def test_any_get(runner: asyncio.Runner, graph: Graph, examples: int) -> None:
    @profile(examples)
    @given(st.sampled_from(GETS), words, queries)
    def get(path: str, word: str, query: dict[str, str]) -> None:
        check(runner.run(graph.client.get(path.format(quote(word, safe="")), params=query)))

    get()
