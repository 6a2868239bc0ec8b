"""Whom a request counts for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


async def _no_charge(images: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Requester:
    """A user, an application or the address of an anonymous client."""

    name: str = ""
    """See :meth:`serve_app.ingress.admission.Admission.client_of`. Requesters share the queue by their names."""
    user_id: int | None = None
    charge: Callable[[int], Awaitable[None]] = _no_charge
    """Counts so many images more against the rate limits. Raises RateLimited."""
