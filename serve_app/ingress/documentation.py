"""API documentation: security schemes in the OpenAPI document, and the Swagger UI page."""

import base64
import hashlib
import re
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from auth.http.permissions import access_rules_of, public
from auth.principal import Scope
from auth.service import Auth

OPENAPI_PATH: Final = "/api/openapi.json"
_DOCS_PATH: Final = "/api/docs"
ASSETS_PATH: Final = "/api/docs/assets"
_REDIRECT_PATH: Final = "/api/docs/oauth2-redirect"
_INLINE_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

_SCOPE_TEXTS: Final[dict[str, str]] = {
    Scope.CLASSIFY: "Classify images",
    Scope.HISTORY_READ: "Read past classifications",
    Scope.HISTORY_WRITE: "Delete past classifications",
    Scope.PROFILE: "Read the user name and e-mail address",
    Scope.OPENID: "Sign in with OpenID Connect",
    Scope.ADMIN: "Manage users and applications",
}


def optional_security(*scopes: Scope) -> dict[str, Any]:
    """OpenAPI fields of a public route that also accepts credentials, which then need these scopes."""
    return {"security": [{}, *_security(scopes, first_party=False)]}


def add_documentation(app: FastAPI, auth: Auth) -> None:
    """Describe the security of every route, and serve the documentation page."""
    for route in app.routes:  # FastAPI's own so far: the OpenAPI document and the assets of the page
        public(route.app if isinstance(route, Mount) else _endpoint(route))
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _describe_security(app, plain(), auth)
        assert app.openapi_schema is not None  # noqa: S101 - for the type checker
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    _add_page(app)


def _endpoint(route: object) -> Any:  # noqa: ANN401 - any endpoint
    assert isinstance(route, Route)  # noqa: S101 - for the type checker
    return route.endpoint


def _add_page(app: FastAPI) -> None:
    @app.get(_DOCS_PATH, include_in_schema=False)
    @public
    async def page(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=root + OPENAPI_PATH,
            title="Raylens API",
            oauth2_redirect_url=root + _REDIRECT_PATH,
            swagger_js_url=f"{root}{ASSETS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS_PATH}/favicon.png",
            init_oauth={"usePkceWithAuthorizationCodeGrant": True},
            # By default the page asks validator.swagger.io to check the address of the document.
            swagger_ui_parameters={"validatorUrl": None},
        )
        return _with_policy(page, opener="same-origin-allow-popups")

    @app.get(_REDIRECT_PATH, include_in_schema=False)
    @public
    async def redirect() -> HTMLResponse:
        return _with_policy(get_swagger_ui_oauth2_redirect_html(), opener="unsafe-none")


def _with_policy(page: HTMLResponse, *, opener: str) -> HTMLResponse:
    """Allow exactly the scripts in the page and the files next to it.

    ``opener``: the policy with which the page can talk to the window of the authorization endpoint, or be that window.
    """
    digests = (hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(bytes(page.body)))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    page.headers["Cross-Origin-Opener-Policy"] = opener
    return page


def _describe_security(app: FastAPI, document: dict[str, Any], auth: Auth) -> None:
    document.setdefault("components", {})["securitySchemes"] = _schemes(auth)
    for route in iter_route_contexts(app.routes):
        for asked in access_rules_of(route):
            for method in route.methods or ():
                operation = document["paths"].get(route.path_format, {}).get(method.lower())
                if operation is not None:
                    operation["security"] = _security(asked.scopes, first_party=asked.first_party)


def _security(scopes: tuple[Scope, ...], *, first_party: bool) -> list[dict[str, list[str]]]:
    """Alternatives: any one of these schemes is sufficient."""
    delegated = [] if first_party else [{"oauth2": [str(scope) for scope in scopes]}]
    return [{"bearer": []}, {"session": []}, *delegated]


def _schemes(auth: Auth) -> dict[str, Any]:
    server = f"{auth.settings.public_url}/oauth"
    flow = dict.fromkeys(("tokenUrl", "refreshUrl"), f"{server}/token")
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (rlk_…), a sign-in token (rlt_…) or an access token (rla_…).",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": auth.cookie.name,
            "description": "The session of a user in this browser. Writes also need the header X-Requested-With.",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "For applications. To try an application on this page, add the page's address followed by "
            "/oauth2-redirect to its redirect URIs. PKCE is used, so public applications need no secret.",
            "flows": {"authorizationCode": flow | {"authorizationUrl": f"{server}/authorize", "scopes": _SCOPE_TEXTS}},
        },
    }
