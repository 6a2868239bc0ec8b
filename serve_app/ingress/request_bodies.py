"""Limits for the body of every request: its size, its pace, and the share of its client in the memory for bodies.

They apply where the application receives bytes, so that no route can forget them.
"""

from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.config import LimitArguments
from serve_app.errors import ImageTooLarge, Overloaded, RaylensError, TooLarge, UnsupportedEncoding
from serve_app.ingress.body_stream import body_source
from serve_app.ingress.byte_budget import ByteBudget, ByteReservation
from serve_app.ingress.image_paths import IMAGE_PATHS
from serve_app.ingress.methods import route_path
from serve_app.ingress.problems import problem_response
from serve_app.ingress.upload_pace import UploadPace
from serve_app.observability.request_log import SCOPE_ERROR

SMALL_BODY_BYTES: Final = 128 << 10
"""For paths without images. Routes of accounts and OAuth reject half of it in their own formats."""
_BODILESS_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_EVICTED: Final = partial(Overloaded, "Other clients need the memory that your uploads hold; try again later.")
_EMPTY: Final[Message] = {"type": "http.request", "body": b"", "more_body": False}


class BodyPolicy(Protocol):
    """The part of the gateway that decides about bodies."""

    @property
    def limits(self) -> LimitArguments: ...

    @property
    def byte_budget(self) -> ByteBudget: ...

    def client_of(self, scope: Scope) -> str:
        """The client of a request: a user once the request is authenticated, otherwise an address."""


class RequestBodyMiddleware:
    """ASGI middleware around all routes. Whatever a route makes of an interrupted body, the client gets a problem."""

    def __init__(self, app: ASGIApp, policy: BodyPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = RequestBody(scope, body_source(scope, receive), send, self._policy)
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if body.error is None or body.is_answered:
                raise
        finally:
            body.release()
        if body.error and not body.is_answered:
            await problem_response(Request(scope), body.error)(scope, receive, send)


class RequestBody:
    """The body of one request, as far as it is received."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, policy: BodyPolicy) -> None:
        self.error: RaylensError | None = None
        """Why the body was not received completely, if that is the client's fault or for lack of memory."""
        self.is_answered = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._policy = policy
        self._size = 0
        self._is_complete = False
        self._pace: UploadPace | None = None
        self._reservation: ByteReservation | None = None

    async def receive(self) -> Message:
        """Raises RaylensError."""
        if self._is_complete:
            return await self._receive()
        try:
            return await self._next()
        except RaylensError as error:
            self.error = error
            raise

    async def send(self, message: Message) -> None:
        if self.error is None or self.is_answered:
            self.is_answered = True
            await self._send(message)

    def release(self) -> None:
        """Give the memory back, which tracebacks of an error would hold until the connection is closed."""
        if self._reservation:
            self._reservation.release()
        for error in (self.error, self._scope.get(SCOPE_ERROR)):
            if isinstance(error, RaylensError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                error.detached()

    async def _next(self) -> Message:
        if self._scope["method"] in _BODILESS_METHODS:  # a body has no meaning there, so it is not read
            self._is_complete = True
            return _EMPTY
        if self.error:
            raise self.error
        if self._pace is None:
            self._pace = UploadPace(self._policy.limits)
            self._check_headers()
        message = await self._pace.receive(self._receive)
        self._is_complete = not message.get("more_body")
        if received := len(message.get("body", b"")):
            self._count(received, self._pace)
        if self._is_complete and self._reservation:
            self._reservation.keep()
        return message

    def _check_headers(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length" and value.isdigit():
                self._check_size(int(value[:20]))
            elif name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
                raise UnsupportedEncoding("Bodies must not be compressed; send it without Content-Encoding.")

    def _count(self, received: int, pace: UploadPace) -> None:
        self._size += received
        self._check_size(self._size)
        if self._reservation is None:
            client = self._policy.client_of(self._scope)
            self._reservation = ByteReservation(self._policy.byte_budget, client, lambda: pace.interrupt(_EVICTED()))
        self._reservation.add(received)

    def _check_size(self, size: int) -> None:
        if size <= SMALL_BODY_BYTES:
            return
        if route_path(self._scope).removesuffix("/") not in IMAGE_PATHS:
            raise TooLarge(f"The body is larger than {SMALL_BODY_BYTES >> 10} KiB.")
        if size > self._policy.limits.body_bytes:
            raise ImageTooLarge(f"The request is larger than {self._policy.limits.body_mib} MiB.")
