"""What a route says of who may use it. One that says nothing stops the start.

@router.get("/classifications")
async def own(principal: Annotated[Principal, allowed(Scope.HISTORY_READ)]) -> …

@router.get("/models")
@public
async def models() -> …
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
    """Anybody may use the route (or what is mounted), or it finds out for itself who may."""
    setattr(endpoint, PUBLIC, True)
    return endpoint


async def principal_of(request: Request) -> Principal | None:
    """Who asks; None for who came with nothing. Raises InvalidCredential or CrossSiteRequest."""
    authenticator = cast("Authenticator", request.app.state.authenticator)
    return await authenticator.principal_of(request)


class Allowed:
    """The dependency behind :func:`allowed`; an object, so that it can be found again in a route."""

    def __init__(self, *scopes: Scope, first_party: bool) -> None:
        self.scopes = scopes
        self.first_party = first_party

    async def __call__(self, request: Request) -> Principal:
        principal = require(await principal_of(request), *self.scopes)
        if self.first_party and not principal.is_first_party:
            raise PermissionDenied(
                "This can be done only by who is signed in, not with an API key or by an application."
            )
        return principal


def require(principal: Principal | None, *scopes: Scope) -> Principal:
    """The principal, if there is one and all of the scopes are theirs. Raises NotAuthenticated or InsufficientScope."""
    if principal is None:
        raise NotAuthenticated("Authentication credentials were not provided.")
    missing = " ".join(sorted(set(scopes) - principal.scopes))
    if missing:
        challenge = f'Bearer error="insufficient_scope", scope="{missing}"'
        raise InsufficientScope(f"This needs the scope {missing}.", challenge=challenge)
    return principal


def allowed(*scopes: Scope, first_party: bool = False) -> Any:  # noqa: ANN401 - what Depends gives
    """Whoever has all of the scopes. ``first_party``: only people themselves, signed in by session or token."""
    return Depends(Allowed(*scopes, first_party=first_party))


def user_of(principal: Principal) -> User:
    """The person; raises PermissionDenied for an application that acts for nobody."""
    if principal.user is None:
        raise PermissionDenied("This belongs to a person; an application on its own has none.")
    return principal.user


CurrentPrincipal = Annotated[Principal | None, Depends(principal_of)]
"""Who asks, or None. Alone it keeps nobody out: the route is :func:`public`."""
SignedIn = Annotated[Principal, allowed(first_party=True)]
"""The person themselves: what concerns their account is lent to nobody."""
Admin = Annotated[Principal, allowed(Scope.ADMIN)]


def require_access_rules(app: FastAPI) -> None:
    """Raises RuntimeError where a route does not say who may use it."""
    undeclared = [
        route.path or str(route.original_route) for route in _routes(app.routes) if not _declares_access(route)
    ]
    if undeclared:
        raise RuntimeError(f"routes that do not say who may use them: {', '.join(undeclared)}")


def _routes(routes: Sequence[BaseRoute]) -> Iterator[RouteContext]:
    """Those of included routers too, with the dependencies that their inclusion gives them."""
    for context in iter_route_contexts(routes):
        if isinstance(context.original_route, Mount) and context.original_route.routes:
            yield from _routes(context.original_route.routes)
        else:
            yield context


def _declares_access(route: RouteContext) -> bool:
    answers = route.endpoint or getattr(route.original_route, "app", None)
    return getattr(answers, PUBLIC, False) or bool(access_rules_of(route))


def access_rules_of(route: RouteContext) -> list[Allowed]:
    """What the route asks of who wants to use it; nothing where it is public."""
    if not isinstance(route.original_route, APIRoute):
        return []
    return [call for call in _calls(route.dependant) if isinstance(call, Allowed)]


def _calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)
