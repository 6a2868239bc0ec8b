"""What a client may use of a rate, and where that is stored."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from serve_app.rate_limit.rate import Rate


class Allowance(NamedTuple):
    """What one client may have of one rate."""

    client: str
    rate: Rate


class AllowanceStore(Protocol):
    """Where the clients' allowances are kept."""

    async def take(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        """Take ``images`` from all of the allowances, or from none.

        For each the seconds until they may be taken; 0 for each means that they were.
        """

    async def close(self) -> None:
        """Give connections and memory back."""
