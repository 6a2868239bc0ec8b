"""The API's description of itself: the ways in, who may use what, and the page to try it."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from auth.http.permissions import asked_by, public
from auth.principal import Scope
from auth.service import Auth

DOCUMENT: Final = "/api/openapi.json"
PAGE: Final = "/api/docs"
ASSETS: Final = "/api/docs/assets"
REDIRECT: Final = "/api/docs/oauth2-redirect"

SCOPES: Final[dict[str, str]] = {
    Scope.CLASSIFY: "Have images classified",
    Scope.HISTORY_READ: "See past classifications",
    Scope.HISTORY_WRITE: "Delete past classifications",
    Scope.PROFILE: "Know the name and the e-mail address",
    Scope.OPENID: "Know who signs in",
    Scope.ADMIN: "Look after users and applications",
}


def also(*scopes: Scope) -> dict[str, Any]:
    """For the description of a public route that knows who asks: with a credential it takes these scopes."""
    return {"security": [{}, *_security(scopes, first_party=False)]}


def add_documentation(app: FastAPI, auth: Auth) -> None:
    """Describe who may use what, and serve the page."""
    for route in app.routes:  # so far FastAPI's own: the document, and the files of the page
        public(route.app if isinstance(route, Mount) else _endpoint(route))
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _describe_security(app, plain(), auth)
        assert app.openapi_schema is not None  # noqa: S101 - for the type checker
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    _add_page(app)


def _endpoint(route: object) -> Any:  # noqa: ANN401 - any function
    assert isinstance(route, Route)  # noqa: S101 - for the type checker
    return route.endpoint


def _add_page(app: FastAPI) -> None:
    @app.get(PAGE, include_in_schema=False)
    @public
    async def page(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=root + DOCUMENT,
            title="Raylens API",
            oauth2_redirect_url=root + REDIRECT,
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
            init_oauth={"usePkceWithAuthorizationCodeGrant": True},
        )

    @app.get(REDIRECT, include_in_schema=False)
    @public
    async def redirect() -> HTMLResponse:
        return get_swagger_ui_oauth2_redirect_html()


def _describe_security(app: FastAPI, document: dict[str, Any], auth: Auth) -> None:
    document.setdefault("components", {})["securitySchemes"] = _schemes(auth)
    for route in iter_route_contexts(app.routes):
        for asked in asked_by(route):
            for method in route.methods or ():
                operation = document["paths"].get(route.path_format, {}).get(method.lower())
                if operation is not None:
                    operation["security"] = _security(asked.scopes, first_party=asked.first_party)


def _security(scopes: tuple[Scope, ...], *, first_party: bool) -> list[dict[str, list[str]]]:
    """Any one of these will do."""
    lent = [] if first_party else [{"oauth2": [str(scope) for scope in scopes]}]
    return [{"bearer": []}, {"session": []}, *lent]


def _schemes(auth: Auth) -> dict[str, Any]:
    server = f"{auth.settings.public_url}/oauth"
    flow = dict.fromkeys(("tokenUrl", "refreshUrl"), f"{server}/token")
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (rlk_…), the token of a sign-in (rlt_…) or an access token (rla_…).",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": auth.cookie.name,
            "description": "Of who is signed in with this browser. Writes need the header X-Requested-With too.",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "For applications; one that is tried here needs this page's address, with "
            "/oauth2-redirect behind it, among its redirect URIs. With PKCE, so a public one needs no secret.",
            "flows": {"authorizationCode": flow | {"authorizationUrl": f"{server}/authorize", "scopes": SCOPES}},
        },
    }
