"""A problem as a page, for browsers that reach no page of the web app."""

import base64
import hashlib
from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from serve_app.errors import RaylensError
from serve_app.observability.request_log import SCOPE_ERROR

_STYLE: Final = """
:root { color-scheme: light dark; }
body { max-width: 34rem; margin: 12vh auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; }
p { overflow-wrap: anywhere; }
"""
_PAGE: Final = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <style>{style}</style>
  </head>
  <body>
    <main>
      <h1>{title}</h1>
      <p>{detail}</p>
    </main>
  </body>
</html>
"""
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def wants_page(request: Request) -> bool:
    """Whether a browser opens the address, rather than a program or a script of a page."""
    return request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "")


def problem_page(request: Request, error: RaylensError) -> Response:
    """Style and text in one file, because the browser may not be allowed to load another."""
    request.scope[SCOPE_ERROR] = error
    page = _PAGE.format(title=escape(error.title), style=_STYLE, detail=escape(error.message))
    return HTMLResponse(page, error.status, {"Content-Security-Policy": _POLICY})
