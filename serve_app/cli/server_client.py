"""HTTP client of a Raylens server."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any

import httpx

from serve_app.cli.address import Address
from serve_app.cli.bearer_auth import BearerAuth
from serve_app.cli.errors import AccessDenied, ServerUnreachable
from serve_app.cli.image_inputs import ImageInput
from serve_app.cli.image_result import ClassifiedInput, FailedInput, ImageResult, parse_classification
from serve_app.errors import RaylensError

_MAX_ATTEMPTS = 5
_MAX_RETRY_AFTER_S = 30.0
"""A server that asks for a longer pause gets no further attempt."""


class ServerClient:
    """A client of one server, with up to ``jobs`` requests in flight."""

    def __init__(self, address: Address, *, auth: BearerAuth | None = None, jobs: int = 8) -> None:
        self.address = address
        self._jobs = jobs
        self._auth = auth
        limits = httpx.Limits(max_connections=jobs)
        self._http = address.client(auth=auth, timeout=httpx.Timeout(60.0, connect=5.0), limits=limits)

    async def __aenter__(self) -> "ServerClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> httpx.Response:
        """Raises ServerUnreachable or AccessDenied."""
        try:
            response = await self._http.get(path)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        self._require_permission(response)
        return response

    async def classify(self, image: ImageInput, query: dict[str, str | int]) -> ImageResult:
        """Classify one image. Raises ServerUnreachable or AccessDenied."""
        try:
            request = await self._request(image, query)
        except RaylensError as error:
            return FailedInput.of(image, error)
        try:
            response = await self._send_with_retries(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise self._unreachable(error, ", or classify without one: --local") from None
        except httpx.TimeoutException:
            return FailedInput(image.name, "timeout", "The server did not respond in time.")
        except httpx.TransportError as error:
            return FailedInput(
                image.name, "connection_lost", f"The connection was lost: {error or type(error).__name__}."
            )
        self._require_permission(response)
        return _result(image, response)

    async def _request(self, image: ImageInput, query: dict[str, str | int]) -> httpx.Request:
        path = "/api/v1/classifications"
        if image.is_url:
            return self._http.build_request("POST", path, params=query, json={"image_url": image.name})
        data = await asyncio.to_thread(image.read)
        kind = {"Content-Type": "application/octet-stream"}
        return self._http.build_request("POST", path, params=query, content=data, headers=kind)

    async def _send_with_retries(self, request: httpx.Request) -> httpx.Response:
        """Send; retry a full or rate-limiting server after the pause that it asks for."""
        for _ in range(_MAX_ATTEMPTS - 1):
            try:
                response = await self._http.send(request)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                if isinstance(error, httpx.ConnectError):
                    raise
                continue  # the server closed an idle connection, or was restarted
            pause = _retry_after_s(response)
            if response.status_code not in {429, 503} or pause > _MAX_RETRY_AFTER_S:
                return response
            # With jitter, or all requests meet the same full queue again.
            await asyncio.sleep(pause * random.uniform(1.0, 1.25))  # noqa: S311
        return await self._http.send(request)

    def _require_permission(self, response: httpx.Response) -> None:
        """Raises AccessDenied for what is missing or wrong for every further image, too: a permission, or the host."""
        if response.status_code == 401:
            required = f"{self.address} requires a sign-in. Run `raylens login --server {self.address}`."
            raise AccessDenied(self._auth.rejected if self._auth else required)
        if response.status_code in {403, 421} and (detail := _detail(response)):
            raise AccessDenied(f"{self.address} denies this: {detail}")

    def _unreachable(self, error: Exception, alternative: str = "") -> ServerUnreachable:
        reason = f"No server answers at {self.address.described} ({error or type(error).__name__})."
        return ServerUnreachable(f"{reason} Start one with `raylens serve`{alternative}.")

    def classifier(self, model: str | None, top_k: int) -> "ServerClassifier":
        return ServerClassifier(self, {"top_k": top_k} | ({"model": model} if model else {}), self._jobs)


class ServerClassifier:
    """Classifies images through a server."""

    def __init__(self, server: ServerClient, query: dict[str, str | int], jobs: int) -> None:
        self._server = server
        self._query = query
        self._jobs = jobs

    async def results(self, images: Sequence[ImageInput]) -> AsyncIterator[ImageResult]:
        """In order, ``jobs`` at a time. Raises ServerUnreachable or AccessDenied."""
        waiting = deque(images)
        running: deque[asyncio.Task[ImageResult]] = deque()
        try:
            while waiting or running:
                while waiting and len(running) < self._jobs:
                    running.append(asyncio.create_task(self._server.classify(waiting.popleft(), self._query)))
                yield await running[0]
                running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "1")))
    except ValueError:
        return 1.0


def _result(image: ImageInput, response: httpx.Response) -> ImageResult:
    try:
        body = response.json()
        return _parse(image, response, body)
    except (KeyError, TypeError, ValueError, RecursionError):
        detail = f"The server returned {response.status_code}, unlike Raylens; check the address."
        return FailedInput(image.name, "unexpected_reply", detail)


def _detail(response: httpx.Response) -> str:
    """Detail of a problem document; empty for anything else, such as a page of a proxy."""
    try:
        return str(response.json()["detail"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""


def _parse(image: ImageInput, response: httpx.Response, body: dict[str, Any]) -> ClassifiedInput | FailedInput:
    if response.status_code == 201:
        return parse_classification(image.name, body)
    return FailedInput(image.name, str(body["code"]), str(body["detail"]))
