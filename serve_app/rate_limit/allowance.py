"""Allowances: the use that a client may make of a rate limit, and the interface of their storage."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from serve_app.rate_limit.rate import Rate


class Allowance(NamedTuple):
    """The allowance of one client under one rate."""

    client: str
    rate: Rate


class AllowanceStore(Protocol):
    """Stores how much of each allowance is used."""

    async def consume(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        """Consume ``images`` from all of the allowances, or from none.

        Returns the seconds to wait for each allowance. The images were consumed if and only if all are 0.
        """

    async def close(self) -> None:
        """Release connections and memory."""
