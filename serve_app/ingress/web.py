"""The web app: the files ``frontend/`` was built into, read once and answered from memory.

They lie in ``frontend/dist`` beside this package, as ``config/serve.yaml`` does: in a checkout, in an image that
copies it, and wherever both folders are put side by side. Where they are missing there is the API alone.
"""

import hashlib
import json
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.http.permissions import public

DIST: Final = Path(__file__).parents[2] / "frontend" / "dist"
INDEX: Final = "index.html"
PAGES: Final = "pages.json"
BASE: Final = b'<base href="./">'
ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
"""In the order they are liked; each file stands beside the one it encodes."""

NOT_OURS: Final = ("/api/", "/auth/", "/oauth/", "/.well-known/", "/assets/")
"""Below these an unknown path is never a page."""

YEAR: Final = "public, max-age=31536000, immutable"
"""For names that hold a hash of the content."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types vue",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; ``encoded`` by the name of the encoding."""

    content: bytes
    media_type: str
    cache_control: str
    encoded: dict[str, bytes]

    def response(self, request: Request, status: int = 200) -> Response:
        encoding = next((name for name in ENCODINGS if name in self.encoded and _accepts(request, name)), None)
        content = self.encoded[encoding] if encoding else self.content
        headers = HEADERS | {"Cache-Control": self.cache_control, "ETag": _etag(content), "Vary": "Accept-Encoding"}
        if encoding:
            headers["Content-Encoding"] = encoding
        if status == 200 and headers["ETag"] in _known_tags(request):
            return Response(None, 304, headers)
        return Response(content, status, headers, media_type=self.media_type)


class WebApp:
    """A built app. Raises OSError or ValueError where the folder does not hold one."""

    def __init__(self, folder: Path) -> None:
        self._index = (folder / INDEX).read_bytes()
        if BASE not in self._index:
            raise ValueError(f"{folder / INDEX} has no {BASE.decode()}")
        self.pages: list[str] = list(json.loads((folder / PAGES).read_bytes()).values())
        self.assets = {path.relative_to(folder).as_posix(): _asset(path, folder) for path in _sent(folder)}

    def routes(self) -> list[Route]:
        """A route for each page and each folder of files; unlike one for everything it hides no other's 405."""
        pages = [Route(re.sub(r":(\w+)", r"{\1}", path), self.page) for path in self.pages]
        folders = sorted({name.rpartition("/")[0] for name in self.assets} - {""})
        files = [Route(f"/{name}", self.file) for name in self.assets if "/" not in name]
        return [*pages, *files, *(Route(f"/{folder}/{{name}}", self.file) for folder in folders)]

    @public
    async def page(self, request: Request) -> Response:
        return self.index(request, 200)

    @public
    async def file(self, request: Request) -> Response:
        asset = self.assets.get(_path(request).removeprefix("/"))
        if asset is None:
            raise HTTPException(404)
        return asset.response(request)

    def index(self, request: Request, status: int) -> Response:
        """The app itself; its base leads from this page's depth to the root, under whatever path a proxy puts it."""
        up = "../" * (_path(request).count("/") - 1) or "./"
        content = self._index.replace(BASE, f'<base href="{up}">'.encode())
        return Asset(content, "text/html", "no-cache", {}).response(request, status)

    def fallback(self, otherwise: ASGIApp) -> ASGIApp:
        """For paths that no route knows: a browser that looks for a page gets the app's own 404."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope) if scope["type"] == "http" else None
            if request and _looks_for_a_page(request):
                await self.index(request, 404)(scope, receive, send)
            else:
                await otherwise(scope, receive, send)

        return answer


def add_web_app(app: FastAPI, folder: Path = DIST) -> None:
    """Serve the web app at the root; where it is not built, ``/`` leads to the API's documentation."""
    if not (folder / INDEX).is_file():
        app.router.routes.append(Route("/", _to_the_documentation))
        return
    web = WebApp(folder)
    app.router.routes += web.routes()
    app.router.default = web.fallback(app.router.default)


@public
async def _to_the_documentation(_request: Request) -> RedirectResponse:
    return RedirectResponse("api/docs")


def _sent(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in ENCODINGS.values() and path.name not in {INDEX, PAGES}:
            yield path


def _asset(path: Path, folder: Path) -> Asset:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    beside = {name: path.with_name(path.name + suffix) for name, suffix in ENCODINGS.items()}
    encoded = {name: file.read_bytes() for name, file in beside.items() if file.is_file()}
    cache_control = YEAR if path.parent == folder / "assets" else "no-cache"
    return Asset(path.read_bytes(), media_type, cache_control, encoded)


def _path(request: Request) -> str:
    """Below the application's root."""
    return request.scope["path"].removeprefix(request.scope.get("root_path", "")) or "/"


def _looks_for_a_page(request: Request) -> bool:
    wanted = request.headers.get("accept", "")
    return request.method in {"GET", "HEAD"} and "text/html" in wanted and not _path(request).startswith(NOT_OURS)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _known_tags(request: Request) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}


def _accepts(request: Request, encoding: str) -> bool:
    """Whether the client takes it; ``q=0`` means that it does not."""
    for part in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() == encoding:
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False
