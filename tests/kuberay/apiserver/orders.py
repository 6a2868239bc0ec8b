"""Failures that a test orders: the next requests of some sort go wrong."""

import re
import threading
from dataclasses import dataclass
from typing import Literal

from tests.kuberay.apiserver.refusal import as_told
from tests.kuberay.apiserver.request import Request

Failure = int | Literal["hang", "drop"]
"""A status; no answer until the server closes; a connection that ends without one."""


@dataclass
class Order:
    method: str
    path: re.Pattern[str]
    failure: Failure
    reason: str
    times: int


class Broken(Exception):
    """The connection is to end without an answer."""


class Orders:
    """What is still to go wrong."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._open: list[Order] = []
        self._lock = threading.Lock()

    def add(self, order: Order) -> None:
        with self._lock:
            self._open.append(order)

    def fulfil(self, request: Request) -> None:
        """Raises Refused, or Broken; at once, or after the server has hung."""
        with self._lock:
            order = next((order for order in self._open if _fits(order, request)), None)
            if order is None:
                return
            order.times -= 1
            if not order.times:
                self._open.remove(order)
        if order.failure == "hang":
            self._closing.wait()
        if not isinstance(order.failure, int):
            raise Broken
        raise as_told(order.failure, order.reason, f"as a test has ordered: {order.failure} {order.reason}")


def _fits(order: Order, request: Request) -> bool:
    return order.method in {"*", request.method} and bool(order.path.search(request.path))
