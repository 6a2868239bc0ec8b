"""Failures that a test orders: the next requests of some sort go wrong."""

import re
import threading
from dataclasses import dataclass
from typing import Literal

from tests.kuberay.apiserver.refusal import as_told
from tests.kuberay.apiserver.request import Reply, Request

Failure = int | Literal["html"]
"""A status; or 200 with a page, as from a proxy's sign-in."""


@dataclass
class Order:
    method: str
    path: re.Pattern[str]
    failure: Failure
    reason: str
    times: int


class Orders:
    """What is still to go wrong."""

    def __init__(self) -> None:
        self._open: list[Order] = []
        self._lock = threading.Lock()

    def add(self, order: Order) -> None:
        with self._lock:
            self._open.append(order)

    def fulfil(self, request: Request) -> Reply | None:
        """None where nothing is to go wrong. Raises Refused."""
        with self._lock:
            order = next((order for order in self._open if _fits(order, request)), None)
            if order is None:
                return None
            order.times -= 1
            if not order.times:
                self._open.remove(order)
        if order.failure == "html":
            return Reply(b"<html>", media_type="text/html")
        raise as_told(order.failure, order.reason, f"as a test has ordered: {order.failure} {order.reason}")


def _fits(order: Order, request: Request) -> bool:
    return order.method in {"*", request.method} and bool(order.path.search(request.path))
