"""The web app: the built files of ``frontend/``, read once and served from memory.

They are in ``frontend/dist`` next to this package, like ``config/serve.yaml``, in a checkout and in the image. Without
them only the API is served.
"""

import hashlib
import json
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.http.permissions import public
from serve_app.ingress.methods import route_path
from serve_app.ingress.problem_page import wants_page

_DIST: Final = Path(__file__).parents[2] / "frontend" / "dist"
_INDEX: Final = "index.html"
_PAGES: Final = "pages.json"
_BASE: Final = b'<base href="./">'
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
"""Suffixes of encoded files by encoding, preferred first."""

_NO_PAGES: Final = ("/api/", "/auth/", "/oauth/", "/.well-known/", "/assets/")
"""Unknown paths below these are never pages of the web app."""

_ONE_YEAR: Final = "public, max-age=31536000, immutable"
"""For file names that contain a hash of the content."""

_POLICY: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types vue",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file with its encoded variants by encoding."""

    content: bytes
    media_type: str
    cache_control: str
    encoded: dict[str, bytes]

    def response(self, request: Request, status: int = 200) -> Response:
        encoding = next((name for name in _ENCODINGS if name in self.encoded and _accepts(request, name)), None)
        content = self.encoded[encoding] if encoding else self.content
        headers = _POLICY | {
            "Cache-Control": self.cache_control,
            "ETag": _etag(content),
            "Vary": "Accept-Encoding",
        }
        if encoding:
            headers["Content-Encoding"] = encoding
        if status == 200 and headers["ETag"] in _known_tags(request):
            return Response(None, 304, headers)
        return Response(content, status, headers, media_type=self.media_type)


class WebApp:
    """A built web app. Raises OSError or ValueError if the folder does not contain one."""

    def __init__(self, folder: Path) -> None:
        self._index = (folder / _INDEX).read_bytes()
        if _BASE not in self._index:
            raise ValueError(f"{folder / _INDEX} has no {_BASE.decode()}")
        self.pages: list[str] = list(json.loads((folder / _PAGES).read_bytes()).values())
        self.assets = {path.relative_to(folder).as_posix(): _asset(path, folder) for path in _files(folder)}

    def routes(self) -> list[Route]:
        """A route per page and per folder of files. A catch-all route would hide the 405 of other routes."""
        paths = [re.sub(r":([a-z_]+)", r"{\1}", path) for path in self.pages]
        pages = [Route(path, self.page) for path in paths]
        pages += [Route(f"{path}/", self.without_slash) for path in paths if path != "/"]
        folders = sorted({name.rpartition("/")[0] for name in self.assets} - {""})
        files = [Route(f"/{name}", self.file) for name in self.assets if "/" not in name]
        return [*pages, *files, *(Route(f"/{folder}/{{name}}", self.file) for folder in folders)]

    @public
    async def page(self, request: Request) -> Response:
        return self.index(request, 200)

    @public
    async def without_slash(self, request: Request) -> Response:
        """Redirect, because the links of a page are relative to its path."""
        name, query = route_path(request.scope).rstrip("/").rpartition("/")[2], request.url.query
        return RedirectResponse(f"../{quote(name)}{f'?{query}' if query else ''}")

    @public
    async def file(self, request: Request) -> Response:
        asset = self.assets.get(route_path(request.scope).removeprefix("/"))
        if asset is None:
            raise HTTPException(404)
        return asset.response(request)

    def index(self, request: Request, status: int) -> Response:
        """The app's HTML. Its base is relative to the depth of the page, so a proxy may serve it below any path."""
        up = "../" * (route_path(request.scope).count("/") - 1) or "./"
        content = self._index.replace(_BASE, f'<base href="{up}">'.encode())
        return Asset(content, "text/html", "no-cache", {}).response(request, status)

    def fallback(self, otherwise: ASGIApp) -> ASGIApp:
        """For paths without a route: browsers get the 404 page of the app."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope) if scope["type"] == "http" else None
            if request and wants_page(request) and not route_path(scope).startswith(_NO_PAGES):
                await self.index(request, 404)(scope, receive, send)
            else:
                await otherwise(scope, receive, send)

        return answer


def add_web_app(app: FastAPI, folder: Path = _DIST) -> None:
    """Serve the web app at the root; if it is not built, redirect ``/`` to the API documentation."""
    if not (folder / _INDEX).is_file():
        app.router.routes.append(Route("/", _redirect_to_documentation))
        return
    web = WebApp(folder)
    app.router.routes += web.routes()
    app.router.default = web.fallback(app.router.default)


@public
async def _redirect_to_documentation(_request: Request) -> RedirectResponse:
    return RedirectResponse("api/docs")


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in _ENCODINGS.values() and path.name not in {_INDEX, _PAGES}:
            yield path


def _asset(path: Path, folder: Path) -> Asset:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    beside = {name: path.with_name(path.name + suffix) for name, suffix in _ENCODINGS.items()}
    encoded = {name: file.read_bytes() for name, file in beside.items() if file.is_file()}
    cache_control = _ONE_YEAR if path.parent == folder / "assets" else "no-cache"
    return Asset(path.read_bytes(), media_type, cache_control, encoded)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _known_tags(request: Request) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}


def _accepts(request: Request, encoding: str) -> bool:
    """Whether the client accepts the encoding; ``q=0`` means that it does not."""
    for part in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() == encoding:
            return not re.fullmatch(r"[ \t]*q[ \t]*=[ \t]*0(\.0*)?[ \t]*", weight)
    return False
