"""Bad input: every kind is rejected with its status, code and problem document."""

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
    """Shared by all tests: rejected requests leave no trace."""
    async with running(tmp_path_factory.mktemp("graph")) as graph:
        yield graph


def chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


def huge_png(width: int, height: int) -> bytes:
    """A header with this size, and almost no data."""
    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def part(name: str, data: bytes) -> bytes:
    return b'--X\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), data)


async def rejected(graph: Graph, status: int, code: str, **request: Any) -> dict[str, Any]:
    """The problem document of a POST that must be rejected."""
    headers = {"X-Request-ID": "my-request", **request.pop("headers", {})}
    response = await graph.client.post(URL, headers=headers, **request)
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), (request, problem)
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["type"] == f"urn:raylens:problem:{code}"
    assert problem["status"] == status
    assert problem["request_id"] == "my-request"
    assert problem["title"]
    assert problem["detail"]
    assert graph.runtime.batches == [], "the model was not called"
    return problem


Body = tuple[dict[str, str], bytes]
END = b"--X--\r\n"

BODIES: dict[tuple[int, str], list[Body]] = {
    (400, "image_missing"): [
        (PNG, b""),
        ({}, b""),
        (JSON, b""),
        (JSON, b"{}"),
        (JSON, b'{"image_url": ""}'),
        (JSON, b'{"image_base64": ""}'),
        (JSON, b'{"image_url": null}'),
        (JSON, b'{"images": []}'),
        (JSON, b'{"picture": "a"}'),
        (MULTIPART, part("file", b"") + END),
        (MULTIPART, part("image", picture()) + END),
    ],
    (400, "ambiguous_input"): [
        (JSON, json.dumps({"image_url": "http://a.test/", "image_base64": PICTURE}).encode()),
        (JSON, json.dumps({"image_url": "http://a.test/", "images": [{"image_base64": PICTURE}]}).encode()),
        (MULTIPART, part("file", picture()) + part("image_url", b"http://a.test/") + END),
    ],
    (400, "malformed_body"): [
        (JSON, b"{"),
        (JSON, b"[1]"),
        (JSON, b'"text"'),
        (JSON, b"\xff\xfe\xfa"),
        (JSON, b"]" * 100_000),
        (JSON, b'{"image_base64": "' + b"A" * 50_000),
        (JSON, b'{"image_url": ' + b"1" * 5000 + b"}"),
        ({"Content-Type": "multipart/form-data"}, part("file", picture())),
        (MULTIPART, b"this is not multipart"),
        (MULTIPART, b"--X\r\nContent-Type: image/png\r\n\r\nabc\r\n--X--\r\n"),
        (MULTIPART, part("file", picture())[:-20]),
        (MULTIPART, part("file", picture()) + part("file", picture())[:-20]),
        (MULTIPART, b"".join(part(f"field{i}", b"1") for i in range(20)) + END),
    ],
    (422, "invalid_parameter"): [
        (JSON, b'{"image_url": 7}'),
        (JSON, b'{"image_url": ["http://a.test/"]}'),
        (JSON, b'{"image_base64": 7}'),
        (JSON, b'{"image_base64": "not*base64"}'),
        (JSON, b'{"image_base64": "abc"}'),
        (JSON, '{"image_base64": "ÄÖÜ="}'.encode()),
        (JSON, b'{"images": "a"}'),
        (JSON, b'{"images": {"image_url": "http://a.test/"}}'),
    ],
    (415, "unsupported_image"): [
        (PNG, b"hello"),
        (PNG, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        (PNG, b"%PDF-1.7\n"),
        (PNG, b"\0" * 100),
        (PNG, b"GIF"),
        (PNG, b"RIFF\0\0\0\0WAVE"),
        *((PNG, picture(file_format=name)) for name in ("PPM", "ICO", "TGA", "JPEG2000")),
        (PNG, b"BM" + bytes(12) + pack("<IiiHHI", 40, 8, 8, 1, 0, 4) + bytes(500)),  # an embedded JPEG
    ],
    (422, "corrupt_image"): [
        (PNG, truncated()),
        (PNG, truncated() + b"\xff\xd9"),
        (PNG, picture()[:60]),
        (PNG, picture(file_format="GIF")[:20]),
        (PNG, huge_png(8000, 8000)),  # exactly as many pixels as allowed
    ],
    (413, "body_too_complex"): [
        (JSON, b"[" * 100_000),
        (JSON, b'{"x": [' + b"[]," * 20_000 + b"[]]}"),
        (JSON, b'{"x": [' + b'"a",' * 20_000 + b'""]}'),
        (JSON, b"{" + b",".join(b'"%d":0' % n for n in range(20_000)) + b"}"),
        (JSON, b'{"x": ' + b" " * (2 << 20) + b"0}"),
        (JSON, b'{"x": ' + b"1" * (2 << 20) + b"}"),
        (JSON | {"Content-Type": "application/vnd.api+json"}, b"[" * 100_000),
        (MULTIPART, b"\r\n" * (1 << 20)),
        (MULTIPART, part("file", picture()) + END + bytes(2 << 20)),
    ],
    (415, "unsupported_encoding"): [
        (JSON | {"Content-Encoding": "gzip"}, b"{}"),
        (PNG | {"Content-Encoding": "br"}, picture()),
    ],
    (413, "too_many_pixels"): [(PNG, huge_png(8001, 8000))],
    (413, "too_many_images"): [
        (JSON, json.dumps({"images": [{"image_base64": PICTURE}] * 65}).encode()),
        (MULTIPART, b"".join(part("file", data) for data in different(65)) + END),
    ],
}


@pytest.mark.parametrize(("status", "code"), BODIES)
async def test_a_bad_body_is_rejected(graph: Graph, status: int, code: str) -> None:
    for headers, body in BODIES[status, code]:
        await rejected(graph, status, code, headers=headers, content=body)


async def test_an_unknown_model_is_rejected(graph: Graph) -> None:
    for name in ("resnet", "\0", "x" * 5000, "\ud800".encode("utf-8", "surrogatepass"), "\u202e"):
        params: Any = {"model": name}
        problem = await rejected(graph, 404, "unknown_model", content=picture(), headers=PNG, params=params)
        assert LITE0 in problem["detail"], "names the models in service"


async def test_a_parameter_out_of_range_is_rejected(graph: Graph) -> None:
    for name, values in {"top_k": ("0", "1001", "-1", "x", "", "9" * 5000), "cache": ("maybe", "")}.items():
        for value in values:
            query = {name: value}
            problem = await rejected(graph, 422, "invalid_parameter", content=picture(), headers=PNG, params=query)
            assert name in problem["detail"], "names the parameter"


async def test_an_invalid_timeout_is_rejected(graph: Graph) -> None:
    for timeout in ("0", "-1", "31", "nan", "inf", "soon", "", "1e-400"):
        headers = PNG | {"X-Request-Timeout": timeout}
        problem = await rejected(graph, 422, "invalid_parameter", content=picture(), headers=headers)
        assert "X-Request-Timeout" in problem["detail"]


async def test_a_wrong_address_is_a_problem(graph: Graph) -> None:
    for method, path, status, code in [
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
    ]:
        response = await graph.client.request(method, path)
        assert response.headers["Content-Type"] == "application/problem+json"
        assert (response.status_code, response.json()["code"]) == (status, code), path
        assert response.json()["status"] == status


async def test_an_unusual_charset_is_rejected(graph: Graph) -> None:
    """Some codecs decode bytes to lone surrogates, which JSON cannot hold."""
    for charset in ("utf-7", "raw_unicode_escape", "utf-16", "idna", "punycode", "hex", "rot13", "\0", "x" * 500):
        body = part("file", picture()) + part("+2AA-\\ud800", b"+2AA-") + b"--X--\r\n"
        headers = {"Content-Type": f"multipart/form-data; boundary=X; charset={charset}"}
        response = await graph.client.post(URL, content=body, headers=headers)
        assert response.status_code == 400, (charset, response.text)


async def test_lone_surrogates_in_json_are_rejected(graph: Graph) -> None:
    for document in ('{"image_url": "http://a.test/\\ud800"}', '{"image_base64": "\\ud800"}', '{"\\ud800": 1}'):
        response = await graph.client.post(URL, content=document, headers=JSON)
        assert response.status_code in {400, 422}


async def test_an_image_over_the_size_limit_is_rejected(tmp_path: Path) -> None:
    arguments = BuildArguments(limits=LimitArguments(image_mib=1))
    too_large = picture() + b"\0" * (1 << 20)
    async with running(tmp_path, arguments=arguments) as graph:
        await rejected(graph, 413, "image_too_large", headers=PNG, content=too_large)
        await rejected(graph, 413, "image_too_large", files={"file": too_large})
        encoded = base64.b64encode(too_large).decode()
        await rejected(graph, 413, "image_too_large", json={"image_base64": encoded})
        await rejected(graph, 413, "image_too_large", headers=PNG | {"Content-Length": "9" * 6000}, content=b"")
        body = (await graph.classify_json({"images": [{"image_base64": PICTURE}, {"image_base64": encoded}]})).json()
        assert [item.get("code") for item in body["items"]] == [None, "image_too_large"]
