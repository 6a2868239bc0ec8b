"""Admission: who may classify, and how many images."""

from typing import Final

from starlette.requests import Request

from auth.errors import NotAuthenticated
from auth.http.permissions import require
from auth.principal import Principal, Scope
from auth.service import Auth
from serve_app.ingress.clients import ClientAddresses
from serve_app.rate_limit.allowance import Allowance
from serve_app.rate_limit.limiter import RateLimiter, allowances_of
from serve_app.rate_limit.rate import parse_rates
from serve_app.settings import Settings

_CREDENTIALS: Final = frozenset((b"authorization", b"cookie"))
"""Headers that may name a user."""


class Admission:
    """Checks permission before the body of a request is read, and rate limits afterwards."""

    def __init__(self, settings: Settings, auth: Auth, limiter: RateLimiter, clients: ClientAddresses) -> None:
        self._authenticator = auth.authenticator
        self._limiter = limiter
        self._anonymous = settings.anonymous
        self._clients = clients
        self._rates_of_anonymous = parse_rates(settings.rate_limit_anonymous)
        self._rates_of_user = parse_rates(settings.rate_limit_user)
        self._rates_of_key = parse_rates(settings.rate_limit_key)
        self._sign_in_hint = (
            f"Classification requires an account. Sign in at {settings.effective_public_url}/, or send an API key: "
            "“Authorization: Bearer rlk_…”."
        )

    async def admit(self, request: Request) -> Principal | None:
        """The principal, or None for an anonymous client. Raises AuthError if it may not classify."""
        principal = await self._authenticator.principal_of(request)
        if principal is None:
            if not self._anonymous:
                raise NotAuthenticated(self._sign_in_hint)
        elif Scope.CLASSIFY not in principal.scopes:
            require(principal, Scope.CLASSIFY)
        return principal

    def require_reader(self, principal: Principal | None) -> None:
        """Raises NotAuthenticated if what others requested is shown to accounts only."""
        if not self._anonymous:
            require(principal)

    async def consume(
        self, request: Request, principal: Principal | None, images: int = 1, *, consumed: int = 0
    ) -> None:
        """Count the images against the rate limits, of which ``consumed`` have already been counted.

        Raises RateLimited and counts nothing if they exceed a limit.
        """
        if images > consumed and (allowances := self._allowances(request, principal)):
            await self._limiter.consume(allowances, images, consumed)

    def client_of(self, request: Request, principal: Principal | None) -> str:
        """Who a request counts for: the user, the application on its own, or the address of an anonymous client."""
        if principal is None:
            return f"address:{self._clients.of(request.scope).group}"
        return f"user:{principal.user.id}" if principal.user else f"client:{principal.client_id}"

    def presumed_client_of(self, request: Request) -> str:
        """The client of a request whose credentials have not been checked: with some, it may be any client."""
        has_credentials = any(name in _CREDENTIALS for name, _ in request.scope["headers"])
        return "" if has_credentials else self.client_of(request, None)

    async def charge(self, request: Request, principal: Principal | None, images: int) -> None:
        """Count an expensive image as so many more images, or as many as the lowest limit has. Raises RateLimited."""
        if allowances := self._allowances(request, principal):
            await self._limiter.consume(allowances, min(images, *(rate.images for _, rate in allowances)))

    def _allowances(self, request: Request, principal: Principal | None) -> tuple[Allowance, ...]:
        if principal is None:
            if not self._rates_of_anonymous:
                return ()
            return allowances_of(self.client_of(request, principal), self._rates_of_anonymous)
        who = self.client_of(request, principal)
        allowances = allowances_of(who, self._rates_of_user)
        if principal.kind == "key":
            allowances += allowances_of(f"key:{principal.credential_id}", self._rates_of_key)
        elif principal.client_id:
            allowances += allowances_of(f"client:{principal.client_id} {who}", self._rates_of_key)
        return allowances
