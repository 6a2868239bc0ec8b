"""Serving of the web app, from a folder that looks like a build."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from auth.http.permissions import require_access_rules
from serve_app.ingress.problems import install_problem_handlers
from serve_app.ingress.security_headers import add_security_headers
from serve_app.ingress.web import add_web_app

INDEX = '<!doctype html><base href="./"><script src="./assets/app-1a2b.js"></script>'
SCRIPT = "console.log('Raylens')" * 50
ZIPPED = gzip.compress(SCRIPT.encode())


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "examples").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "pages.json").write_text(json.dumps({"classify": "/", "top": "/top", "one": "/admin/users/:id"}))
    (tmp_path / "theme.js").write_text("0")
    (tmp_path / "examples" / "cat.jpg").write_bytes(b"\xff\xd8cat")
    (tmp_path / "assets" / "app-1a2b.js").write_text(SCRIPT)
    (tmp_path / "assets" / "app-1a2b.js.gz").write_bytes(ZIPPED)
    (tmp_path / "assets" / "app-1a2b.js.br").write_bytes(b"brotli")
    return tmp_path


def application(dist: Path, root_path: str = "") -> FastAPI:
    app = FastAPI(root_path=root_path)
    install_problem_handlers(app)
    add_security_headers(app, https=False)

    @app.post("/classify-image")
    async def classify_image() -> str:
        return "done"

    add_web_app(app, dist)
    return app


@pytest.fixture
async def client(dist: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(dist))
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens.test") as client:
        yield client


async def test_every_page_is_the_app_with_a_relative_base(client: httpx.AsyncClient) -> None:
    for path, base in {"/": "./", "/top": "./", "/admin/users/7": "../../", "/top?by=label": "./"}.items():
        reply = await client.get(path)
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert reply.headers["cache-control"] == "no-cache"
        assert reply.text == INDEX.replace('"./">', f'"{base}">', 1)


async def test_the_base_is_relative_to_the_root_path(dist: Path) -> None:
    transport = httpx.ASGITransport(application(dist), root_path="/pictures")
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens.test") as client:
        reply = await client.get("/pictures/top")
        assert '<base href="./">' in reply.text
        assert (await client.get("/pictures/examples/cat.jpg")).content == b"\xff\xd8cat"


async def test_only_files_with_a_hash_are_cached_forever(client: httpx.AsyncClient) -> None:
    hashed = await client.get("/assets/app-1a2b.js")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "javascript" in hashed.headers["content-type"]
    for path in ("/theme.js", "/examples/cat.jpg"):
        assert (await client.get(path)).headers["cache-control"] == "no-cache"


async def test_the_best_accepted_encoding_is_sent(client: httpx.AsyncClient) -> None:
    for accepted, encoding in {
        "gzip, deflate, br": "br",
        "gzip": "gzip",
        "GZIP;q=0.5, br;q=0": "gzip",
        "br; q=0.0, gzip;q=0": None,
        "identity": None,
        "": None,
    }.items():
        request = client.build_request("GET", "/assets/app-1a2b.js", headers={"Accept-Encoding": accepted})
        reply = await client.send(request, stream=True)
        body = b"".join([part async for part in reply.aiter_raw()])
        assert reply.headers.get("content-encoding") == encoding
        assert reply.headers["vary"] == "Accept-Encoding"
        assert body == {"br": b"brotli", "gzip": ZIPPED, None: SCRIPT.encode()}[encoding]


async def test_a_known_file_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/")
    again = await client.get("/", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert (await client.get("/", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_every_encoding_has_its_own_etag(client: httpx.AsyncClient) -> None:
    tags = [
        (await client.head("/assets/app-1a2b.js", headers={"Accept-Encoding": name})).headers["etag"]
        for name in ("identity", "gzip", "br")
    ]
    assert len(set(tags)) == 3


async def test_head_has_the_length_and_no_body(client: httpx.AsyncClient) -> None:
    reply = await client.head("/")
    assert (reply.status_code, reply.content) == (200, b"")
    assert int(reply.headers["content-length"]) == len(INDEX)


async def test_unknown_files_and_api_paths_are_problems(client: httpx.AsyncClient) -> None:
    for path in ("/assets/old-9z.js", "/examples/dog.jpg", "/assets/..%2findex.html", "/api/v2/x"):
        reply = await client.get(path, headers={"Accept": "text/html,*/*"})
        assert reply.status_code == 404
        assert reply.headers["content-type"] == "application/problem+json"


async def test_unknown_pages_are_the_apps_404_for_browsers_only(client: httpx.AsyncClient) -> None:
    reply = await client.get("/some/where", headers={"Accept": "text/html,*/*;q=0.8"})
    assert reply.status_code == 404
    assert '<base href="../">' in reply.text
    assert (await client.get("/some/where")).json()["code"] == "not_found"
    assert (await client.post("/some/where", headers={"Accept": "text/html"})).json()["code"] == "not_found"


async def test_a_page_with_a_trailing_slash_redirects_relatively(client: httpx.AsyncClient) -> None:
    for path, location in {"/top/?by=label": "../top?by=label", "/admin/users/a%20b/": "../a%20b"}.items():
        reply = await client.get(path)
        assert (reply.status_code, reply.headers["location"]) == (307, location)
        assert str(reply.next_request and reply.next_request.url).endswith(path.replace("/?", "?").rstrip("/"))


async def test_wrong_methods_are_405(client: httpx.AsyncClient) -> None:
    html = {"Accept": "text/html"}
    assert (await client.get("/classify-image", headers=html)).status_code == 405
    assert (await client.post("/top", headers=html)).status_code == 405


@pytest.mark.parametrize("path", ["/", "/some/where", "/assets/app-1a2b.js", "/examples/cat.jpg"])
async def test_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path, headers={"Accept": "text/html"})).headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "base-uri", "form-action")} == {
        "'self'"
    }
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=(self)" in headers["permissions-policy"]


def test_routes_are_declared_public(dist: Path) -> None:
    app = FastAPI(openapi_url=None)
    add_web_app(app, dist)
    require_access_rules(app)


async def test_without_a_build_the_root_redirects_to_the_documentation(tmp_path: Path) -> None:
    app = FastAPI(openapi_url=None)
    add_web_app(app, tmp_path)
    require_access_rules(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://raylens.test") as client:
        reply = await client.get("/")
        assert reply.is_redirect
        assert str(reply.next_request and reply.next_request.url) == "http://raylens.test/api/docs"
        assert (await client.get("/top", headers={"Accept": "text/html"})).status_code == 404


def test_an_index_without_a_base_is_an_error(dist: Path) -> None:
    (dist / "index.html").write_text("<!doctype html>")
    with pytest.raises(ValueError, match="base href"):
        add_web_app(FastAPI(), dist)
