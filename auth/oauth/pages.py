"""The pages that people see on their way to an application. They work without JavaScript, and allow none."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from auth.errors import AuthError
from auth.oauth.authorization import ConsentFirst, Destination
from auth.oauth.messages import Reply
from auth.oauth.metadata import AUTHORIZE, SIGN_IN, STYLE
from auth.oauth.redirect_uris import source_of
from auth.principal import Scope
from auth.settings import AuthSettings

FOLDER: Final = Path(__file__).parent.parent / "pages"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers would send forms without their Origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MEANINGS: Final[dict[str, str]] = {
    Scope.CLASSIFY: "Classify images",
    Scope.HISTORY_READ: "See the images you have classified",
    Scope.HISTORY_WRITE: "Delete images from your history",
    Scope.PROFILE: "See your name and e-mail address",
    Scope.OPENID: "Know that it is you",
    Scope.ADMIN: "Administer Raylens: users, applications, the log",
}


class Pages:
    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        loader = FileSystemLoader(FOLDER)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        self._templates.globals |= {"style": STYLE, "sign_in": SIGN_IN}

    def sign_in(
        self, then: str, to: Destination | None, *, username: str = "", error: AuthError | None = None
    ) -> Response:
        """``then``: the path to go on to; ``to``: where that leads; ``error``: why it did not work."""
        context = {
            "next": then,
            "application": to.name if to else "",
            "username": username,
            "problem": error.message if error else "",
            "providers": self._settings.providers,
        }
        leads_to = to.source if to else ""
        response = self._page("sign_in.html", context, error.status if error else 200, leads_to=leads_to)
        return _to_retry(response, error) if error else response

    def consent(self, step: ConsentFirst) -> Response:
        source = source_of(step.asked.redirect_uri)
        context = {
            "asked": step.asked,
            "user": step.user,
            "scopes": [meaning for scope, meaning in MEANINGS.items() if scope in step.asked.scopes],
            "form_token": step.form_token,
            "otherwise": step.otherwise,
            "action": f"{AUTHORIZE}?{step.asked.message.query}",
            "place": source.removeprefix("https://").removeprefix("http://"),
        }
        return self._page("consent.html", context, leads_to=source)

    def refusal(self, reply: Reply) -> Response:
        """What an application asked wrongly, where it cannot be told."""
        code, description = reply.body["error"], reply.body["error_description"]
        context = {"title": "This does not work", "problem": description, "code": code, "ways": ()}
        return self._page("problem.html", context, reply.status)

    def error(self, error: AuthError, ways: Collection[tuple[str, str]] = ()) -> Response:
        """``ways`` to go on: what a link says, and its path."""
        context = {"title": error.title, "problem": error.message, "code": "", "ways": ways}
        return _to_retry(self._page("problem.html", context, error.status), error)

    def _page(self, template: str, context: Mapping[str, Any], status: int = 200, *, leads_to: str = "") -> Response:
        """``leads_to``: Chrome holds a form's policy also against where its answer redirects to."""
        policy = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {leads_to}"
        headers = HEADERS | {
            "Content-Security-Policy": f"{policy.strip()}; frame-ancestors 'none'; base-uri 'none'",
        }
        return HTMLResponse(self._templates.get_template(template).render(context), status, headers)


def _to_retry(response: Response, error: AuthError) -> Response:
    if error.retry_after:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response
