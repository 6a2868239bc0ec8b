"""Access rules of routes. A route without one prevents the start.

@router.get("/classifications")
async def list_own(principal: Annotated[Principal, allowed(Scope.HISTORY_READ)]) -> …

@router.get("/models")
@public
async def list_models() -> …
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Mount

from auth.errors import InsufficientScope, NotAuthenticated, PermissionDenied
from auth.http.authenticator import Authenticator
from auth.principal import Principal, Scope, User

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
PUBLIC: Final = "__raylens_public__"


def public(endpoint: Endpoint) -> Endpoint:
    """Anyone may use the route or mounted application, or it checks permissions itself."""
    setattr(endpoint, PUBLIC, True)
    return endpoint


async def principal_of(request: Request) -> Principal | None:
    """The principal; None for an anonymous request. Raises InvalidCredential or CrossSiteRequest."""
    authenticator = cast("Authenticator", request.app.state.authenticator)
    return await authenticator.principal_of(request)


class Allowed:
    """The dependency that :func:`allowed` declares; a class, so that it can be found in a route's dependencies."""

    def __init__(self, *scopes: Scope, first_party: bool) -> None:
        self.scopes = scopes
        self.first_party = first_party

    async def __call__(self, request: Request) -> Principal:
        principal = require(await principal_of(request), *self.scopes)
        if self.first_party and not principal.is_first_party:
            raise PermissionDenied("This requires a session or a login token; API keys and applications may not do it.")
        return principal


def require(principal: Principal | None, *scopes: Scope) -> Principal:
    """The principal, if it has all of the scopes. Raises NotAuthenticated or InsufficientScope."""
    if principal is None:
        raise NotAuthenticated("Authentication credentials were not provided.")
    missing = " ".join(sorted(set(scopes) - principal.scopes))
    if missing:
        challenge = f'Bearer error="insufficient_scope", scope="{missing}"'
        raise InsufficientScope(f"This requires the scope {missing}.", challenge=challenge)
    return principal


def allowed(*scopes: Scope, first_party: bool = False) -> Any:  # noqa: ANN401 - what Depends gives
    """Requires all of the scopes. ``first_party`` requires a session or token of the user themselves."""
    return Depends(Allowed(*scopes, first_party=first_party))


def user_of(principal: Principal) -> User:
    """The user. Raises PermissionDenied for an application on its own."""
    if principal.user is None:
        raise PermissionDenied("This belongs to a user, and an application on its own acts for none.")
    return principal.user


CurrentPrincipal = Annotated[Principal | None, Depends(principal_of)]
"""The principal, or None. This is no access rule: the route also needs :func:`public`."""
SignedIn = Annotated[Principal, allowed(first_party=True)]
"""The user themselves. API keys and applications cannot manage the account."""
Admin = Annotated[Principal, allowed(Scope.ADMIN)]


async def _user_of_signed_in(principal: SignedIn) -> User:
    return user_of(principal)


CurrentUser = Annotated[User, Depends(_user_of_signed_in)]
"""The user of a :data:`SignedIn` principal."""


def require_access_rules(app: FastAPI) -> None:
    """Raises RuntimeError if a route declares no access rule."""
    undeclared = [
        route.path or str(route.original_route) for route in _routes(app.routes) if not _declares_access(route)
    ]
    if undeclared:
        raise RuntimeError(f"Routes without an access rule: {', '.join(undeclared)}. Declare @public or allowed(…).")


def _routes(routes: Sequence[BaseRoute]) -> Iterator[RouteContext]:
    """All routes, including those of included routers with the dependencies added by the inclusion."""
    for context in iter_route_contexts(routes):
        if isinstance(context.original_route, Mount) and context.original_route.routes:
            yield from _routes(context.original_route.routes)
        else:
            yield context


def _declares_access(route: RouteContext) -> bool:
    endpoint = route.endpoint or getattr(route.original_route, "app", None)
    return getattr(endpoint, PUBLIC, False) or bool(access_rules_of(route))


def access_rules_of(route: RouteContext) -> list[Allowed]:
    """The access rules of a route; none if it is public."""
    if not isinstance(route.original_route, APIRoute):
        return []
    return [call for call in _calls(route.dependant) if isinstance(call, Allowed)]


def _calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)
