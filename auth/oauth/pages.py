"""HTML pages of the OAuth server. They work without JavaScript and allow none."""

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from auth.errors import AuthError, Throttled
from auth.oauth.authorization import ClientDestination, ConsentRequired
from auth.oauth.metadata import AUTHORIZE, SIGN_IN, STYLESHEET
from auth.oauth.redirect_uris import csp_source, port_of
from auth.oauth.requests import OAuthResponse
from auth.principal import Scope
from auth.settings import AuthSettings

PAGES_FOLDER: Final = Path(__file__).parent.parent / "pages"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers would send forms without their Origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SCOPE_DESCRIPTIONS: Final[dict[str, str]] = {
    Scope.CLASSIFY: "Classify images",
    Scope.HISTORY_READ: "View your classification history",
    Scope.HISTORY_WRITE: "Delete images from your history",
    Scope.PROFILE: "View your username and e-mail address",
    Scope.OPENID: "Verify your identity",
    Scope.ADMIN: "Administer Raylens: users, applications and the audit log",
}


class Pages:
    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        loader = FileSystemLoader(PAGES_FOLDER)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        self._templates.globals |= {"stylesheet": STYLESHEET, "sign_in": SIGN_IN}

    def sign_in(
        self,
        next_path: str,
        destination: ClientDestination | None,
        *,
        username: str = "",
        error: AuthError | None = None,
    ) -> Response:
        """``destination``: the client that ``next_path`` leads to; ``error``: why the last attempt failed."""
        context = {
            "next": next_path,
            "application": destination.name if destination else "",
            "username": username,
            "problem": error.message if error else "",
            "is_throttled": isinstance(error, Throttled),
            "providers": self._settings.providers,
        }
        form_target = destination.csp_source if destination else ""
        response = self._page("sign_in.html", context, error.status if error else 200, form_target=form_target)
        return _with_retry_after(response, error) if error else response

    def consent(self, consent: ConsentRequired) -> Response:
        form_target = csp_source(consent.request.redirect_uri)
        context = {
            "client": consent.request.client,
            "user": consent.user,
            "scopes": [text for scope, text in _SCOPE_DESCRIPTIONS.items() if scope in consent.request.scopes],
            "csrf_token": consent.csrf_token,
            "next": consent.next_path,
            "action": f"{AUTHORIZE}?{urlencode(consent.request.request.parameters)}",
            "target": form_target.removeprefix("https://").removeprefix("http://"),
            "is_native": consent.request.is_native,
            "port": port_of(consent.request.redirect_uri),
            "device_name": consent.device_name,
            "is_remembered": consent.device_name is not None and Scope.ADMIN not in consent.request.scopes,
            "address": consent.request.request.source.address,
            "at": datetime.fromtimestamp(consent.at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        }
        return self._page("consent.html", context, form_target=form_target)

    def oauth_error(self, response: OAuthResponse) -> Response:
        """An invalid authorization request that must not be redirected to the client."""
        code, description = response.body["error"], response.body["error_description"]
        context = {"title": "Invalid request", "problem": description, "code": code, "links": ()}
        return self._page("problem.html", context, response.status)

    def error(self, error: AuthError, links: Collection[tuple[str, str]] = ()) -> Response:
        """``links`` to continue: text and path."""
        context = {"title": error.title, "problem": error.message, "code": "", "links": links}
        return _with_retry_after(self._page("problem.html", context, error.status), error)

    def _page(self, template: str, context: Mapping[str, Any], status: int = 200, *, form_target: str = "") -> Response:
        """``form_target``: Chrome applies ``form-action`` also to redirects after a form."""
        policy = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {form_target}"
        headers = _HEADERS | {
            "Content-Security-Policy": f"{policy.strip()}; frame-ancestors 'none'; base-uri 'none'",
        }
        return HTMLResponse(self._templates.get_template(template).render(context), status, headers)


def _with_retry_after(response: Response, error: AuthError) -> Response:
    if error.retry_after:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response
