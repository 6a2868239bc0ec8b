"""Every row of the contract's list of bad input, and the form of what it is told."""

import base64
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from struct import pack
from typing import Any

import pytest
import pytest_asyncio

from serve_app.config import BuildArguments, LimitArguments
from tests.ingress.graph import LITE0, Graph, running
from tests.ingress.pictures import different, picture, truncated

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/api/v1/classifications"
PNG = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=X"}
PICTURE = base64.b64encode(picture()).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graph(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Graph]:
    """One for all: what is refused leaves no trace."""
    async with running(tmp_path_factory.mktemp("graph")) as graph:
        yield graph


def chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


def huge_png(width: int, height: int) -> bytes:
    """A header that claims so many pixels, and hardly any data."""
    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def part(name: str, data: bytes) -> bytes:
    return b'--X\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), data)


async def refused(graph: Graph, status: int, code: str, **request: Any) -> dict[str, Any]:
    """POST what is to be refused; the problem document."""
    headers = {"X-Request-ID": "my-request", **request.pop("headers", {})}
    response = await graph.client.post(request.pop("url", URL), headers=headers, **request)
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["type"] == f"urn:raylens:problem:{code}"
    assert problem["status"] == status
    assert problem["request_id"] == "my-request"
    assert problem["title"]
    assert problem["detail"]
    assert graph.runtime.batches == [], "the model has not been asked"
    return problem


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (PNG, b""),
        ({}, b""),
        (JSON, b""),
        (JSON, b"{}"),
        (JSON, b'{"image_url": ""}'),
        (JSON, b'{"image_base64": ""}'),
        (JSON, b'{"image_url": null}'),
        (JSON, b'{"images": []}'),
        (JSON, b'{"picture": "a"}'),
        (MULTIPART, part("file", b"") + b"--X--\r\n"),
        (MULTIPART, part("image", picture()) + b"--X--\r\n"),
    ],
)
async def test_nothing_to_classify(graph: Graph, headers: dict[str, str], body: bytes) -> None:
    await refused(graph, 400, "image_missing", headers=headers, content=body)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, json.dumps({"image_url": "http://a.test/", "image_base64": PICTURE}).encode()),
        (JSON, json.dumps({"image_url": "http://a.test/", "images": [{"image_base64": PICTURE}]}).encode()),
        (MULTIPART, part("file", picture()) + part("image_url", b"http://a.test/") + b"--X--\r\n"),
    ],
)
async def test_two_inputs_at_once(graph: Graph, headers: dict[str, str], body: bytes) -> None:
    await refused(graph, 400, "ambiguous_input", headers=headers, content=body)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b"{"),
        (JSON, b"[1]"),
        (JSON, b'"text"'),
        (JSON, b"\xff\xfe\xfa"),
        (JSON, b"[" * 100_000),
        (JSON, b'{"image_url": ' + b"1" * 5000 + b"}"),
        ({"Content-Type": "multipart/form-data"}, part("file", picture())),
        (MULTIPART, b"this is not multipart"),
        (MULTIPART, b"--X\r\nContent-Type: image/png\r\n\r\nabc\r\n--X--\r\n"),
        (MULTIPART, part("file", picture())[:-20]),
        (MULTIPART, part("file", picture()) + part("file", picture())[:-20]),
        (MULTIPART, b"".join(part(f"field{i}", b"1") for i in range(20)) + b"--X--\r\n"),
    ],
)
async def test_a_body_that_cannot_be_read(graph: Graph, headers: dict[str, str], body: bytes) -> None:
    await refused(graph, 400, "malformed_body", headers=headers, content=body)


@pytest.mark.parametrize(
    "document",
    [
        {"image_url": 7},
        {"image_url": ["http://a.test/"]},
        {"image_base64": 7},
        {"image_base64": "not*base64"},
        {"image_base64": "abc"},
        {"image_base64": "ÄÖÜ="},
        {"images": "a"},
        {"images": {"image_url": "http://a.test/"}},
    ],
)
async def test_a_field_that_makes_no_sense(graph: Graph, document: dict[str, Any]) -> None:
    await refused(graph, 422, "invalid_parameter", json=document)


@pytest.mark.parametrize(
    "data",
    [b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7\n", b"\0" * 100, b"GIF", b"RIFF\0\0\0\0WAVE"],
)
async def test_not_an_image(graph: Graph, data: bytes) -> None:
    await refused(graph, 415, "unsupported_image", headers=PNG, content=data)


@pytest.mark.parametrize("file_format", ["PPM", "ICO", "TGA", "JPEG2000"])
async def test_a_format_that_is_not_allowed(graph: Graph, file_format: str) -> None:
    await refused(graph, 415, "unsupported_image", headers=PNG, content=picture(file_format=file_format))


@pytest.mark.parametrize("data", [truncated(), picture()[:60], picture(file_format="GIF")[:20]])
async def test_a_corrupt_image(graph: Graph, data: bytes) -> None:
    await refused(graph, 422, "corrupt_image", headers=PNG, content=data)


async def test_too_many_pixels(graph: Graph) -> None:
    await refused(graph, 413, "too_many_pixels", headers=PNG, content=huge_png(8001, 8000))


async def test_exactly_as_many_pixels_as_allowed_fail_only_for_what_follows(graph: Graph) -> None:
    await refused(graph, 422, "corrupt_image", headers=PNG, content=huge_png(8000, 8000))


async def test_sixty_five_parts(graph: Graph) -> None:
    files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(different(65))]
    await refused(graph, 413, "too_many_images", files=files)


async def test_sixty_five_in_a_list(graph: Graph) -> None:
    images = [{"image_base64": PICTURE}] * 65
    await refused(graph, 413, "too_many_images", json={"images": images})


async def test_an_unknown_model(graph: Graph) -> None:
    problem = await refused(graph, 404, "unknown_model", content=picture(), headers=PNG, params={"model": "resnet"})
    assert LITE0 in problem["detail"], "tells what there is"


@pytest.mark.parametrize("name", ["\0", "x" * 5000, "\ud800".encode("utf-8", "surrogatepass"), "\u202e"])
async def test_a_strange_model(graph: Graph, name: str | bytes) -> None:
    params: Any = {"model": name}
    await refused(graph, 404, "unknown_model", content=picture(), headers=PNG, params=params)


@pytest.mark.parametrize(
    "query",
    [
        *({"top_k": value} for value in ("0", "1001", "-1", "x", "", "9" * 5000)),
        *({"cache": value} for value in ("maybe", "")),
    ],
)
async def test_a_parameter_out_of_range(graph: Graph, query: dict[str, str]) -> None:
    problem = await refused(graph, 422, "invalid_parameter", content=picture(), headers=PNG, params=query)
    assert next(iter(query)) in problem["detail"], "names the parameter"


@pytest.mark.parametrize("timeout", ["0", "-1", "31", "nan", "inf", "soon", "", "1e-400"])
async def test_a_timeout_that_makes_no_sense(graph: Graph, timeout: str) -> None:
    headers = PNG | {"X-Request-Timeout": timeout}
    problem = await refused(graph, 422, "invalid_parameter", content=picture(), headers=headers)
    assert "X-Request-Timeout" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/nothing", 404, "not_found"),
        ("PUT", "/api/v1/classifications", 405, "method_not_allowed"),
        ("GET", "/classify-image", 405, "method_not_allowed"),
        ("GET", "/api/v1/classifications/" + "0" * 32, 404, "unknown_classification"),
        ("GET", "/api/v1/classifications/none", 404, "unknown_classification"),
        ("GET", "/api/v1/classifications/%00", 404, "unknown_classification"),
        ("GET", "/api/v1/models/none", 404, "unknown_model"),
        ("GET", "/api/v1/top?by=colour", 422, "invalid_parameter"),
        ("GET", "/api/v1/top?window=year", 422, "invalid_parameter"),
        ("GET", "/api/v1/top?limit=101", 422, "invalid_parameter"),
    ],
)
async def test_a_wrong_address(graph: Graph, method: str, path: str, status: int, code: str) -> None:
    response = await graph.client.request(method, path)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["status"] == status


async def test_charsets_that_are_traps(graph: Graph) -> None:
    """Some codecs make half characters out of bytes, which no JSON can hold."""
    for charset in ("utf-7", "raw_unicode_escape", "utf-16", "idna", "punycode", "hex", "rot13", "\0", "x" * 500):
        body = part("file", picture()) + part("+2AA-\\ud800", b"+2AA-") + b"--X--\r\n"
        headers = {"Content-Type": f"multipart/form-data; boundary=X; charset={charset}"}
        response = await graph.client.post(URL, content=body, headers=headers)
        assert response.status_code == 400, (charset, response.text)


async def test_half_characters_in_json(graph: Graph) -> None:
    for document in ('{"image_url": "http://a.test/\\ud800"}', '{"image_base64": "\\ud800"}', '{"\\ud800": 1}'):
        response = await graph.client.post(URL, content=document, headers=JSON)
        assert response.status_code in {400, 422}


async def test_an_image_over_the_limit(tmp_path: Path) -> None:
    arguments = BuildArguments(limits=LimitArguments(image_mib=1))
    too_large = picture() + b"\0" * (1 << 20)
    async with running(tmp_path, arguments=arguments) as graph:
        await refused(graph, 413, "image_too_large", headers=PNG, content=too_large)
        await refused(graph, 413, "image_too_large", files={"file": too_large})
        encoded = base64.b64encode(too_large).decode()
        await refused(graph, 413, "image_too_large", json={"image_base64": encoded})
        await refused(graph, 413, "image_too_large", headers=PNG | {"Content-Length": "9" * 6000}, content=b"")
        body = (await graph.classify_json({"images": [{"image_base64": PICTURE}, {"image_base64": encoded}]})).json()
        assert [item.get("code") for item in body["items"]] == [None, "image_too_large"]
