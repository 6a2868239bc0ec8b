"""Raylens over HTTP, for the commands."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any

import httpx

from serve_app.cli.address import Address
from serve_app.cli.bearer import Bearer
from serve_app.cli.failure import SignInNeeded, Unreachable
from serve_app.cli.outcome import Answered, Failed, Outcome, answered
from serve_app.cli.sources import Source
from serve_app.errors import RaylensError

_ATTEMPTS = 5
_LONGEST_WAIT_S = 30.0
"""A server that wants a longer pause than this is not waited for."""


class Server:
    """A client of one server, with up to ``jobs`` requests in flight."""

    def __init__(self, address: Address, *, bearer: Bearer | None = None, jobs: int = 8) -> None:
        self.address = address
        self._jobs = jobs
        self._bearer = bearer
        limits = httpx.Limits(max_connections=jobs)
        self._http = address.client(auth=bearer, timeout=httpx.Timeout(60.0, connect=5.0), limits=limits)

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> httpx.Response:
        """Raises Unreachable or SignInNeeded."""
        try:
            response = await self._http.get(path)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        self._refuse_stranger(response)
        return response

    async def classify(self, source: Source, query: dict[str, str | int]) -> Outcome:
        """One image. Raises Unreachable or SignInNeeded."""
        try:
            request = await self._request(source, query)
        except RaylensError as error:
            return Failed.of(source, error)
        try:
            response = await self._patiently(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error, ", or classify without one: --local") from None
        except httpx.TimeoutException:
            return Failed(source.name, "timeout", "The server did not answer in time.")
        except httpx.TransportError as error:
            return Failed(source.name, "connection_lost", f"The connection was lost: {error or type(error).__name__}.")
        self._refuse_stranger(response)
        return _outcome(source, response)

    async def _request(self, source: Source, query: dict[str, str | int]) -> httpx.Request:
        path = "/api/v1/classifications"
        if source.is_url:
            return self._http.build_request("POST", path, params=query, json={"image_url": source.name})
        data = await asyncio.to_thread(source.read)
        kind = {"Content-Type": "application/octet-stream"}
        return self._http.build_request("POST", path, params=query, content=data, headers=kind)

    async def _patiently(self, request: httpx.Request) -> httpx.Response:
        """Send; where the server is full or limits the rate, again after the pause it asks for."""
        for _ in range(_ATTEMPTS - 1):
            try:
                response = await self._http.send(request)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                if isinstance(error, httpx.ConnectError):
                    raise
                continue  # a kept connection that the server had closed by then, or a server that was replaced
            pause = _pause(response)
            if response.status_code not in {429, 503} or pause > _LONGEST_WAIT_S:
                return response
            # Not all at the same moment, or they meet the same full queue.
            await asyncio.sleep(pause * random.uniform(1.0, 1.25))  # noqa: S311
        return await self._http.send(request)

    def _refuse_stranger(self, response: httpx.Response) -> None:
        """Raises SignInNeeded where the server wants somebody else: with the next image it would be the same."""
        if response.status_code == 401:
            stranger = f"{self.address} wants to know who you are. Run `raylens login --server {self.address}`."
            raise SignInNeeded(self._bearer.refused if self._bearer else stranger)
        if response.status_code == 403 and (detail := _detail(response)):
            raise SignInNeeded(f"{self.address} does not allow this: {detail}")

    def _unreachable(self, error: Exception, otherwise: str = "") -> Unreachable:
        why = f"No server answers at {self.address} ({error or type(error).__name__})."
        return Unreachable(f"{why} Start one with `raylens serve`{otherwise}.")

    def classifier(self, model: str | None, top_k: int) -> "ServerClassifier":
        return ServerClassifier(self, {"top_k": top_k} | ({"model": model} if model else {}), self._jobs)


class ServerClassifier:
    """Images through a server."""

    def __init__(self, server: Server, query: dict[str, str | int], jobs: int) -> None:
        self._server = server
        self._query = query
        self._jobs = jobs

    async def outcomes(self, sources: Sequence[Source]) -> AsyncIterator[Outcome]:
        """In order, ``jobs`` at a time. Raises Unreachable or SignInNeeded."""
        waiting = deque(sources)
        running: deque[asyncio.Task[Outcome]] = deque()
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


def _pause(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "1")))
    except ValueError:
        return 1.0


def _outcome(source: Source, response: httpx.Response) -> Outcome:
    try:
        body = response.json()
        return _read(source, response, body)
    except (KeyError, TypeError, ValueError):
        detail = f"The server answered {response.status_code}, but not as Raylens does; is the address right?"
        return Failed(source.name, "unexpected_reply", detail)


def _detail(response: httpx.Response) -> str:
    """Of a problem document; empty for what is none, as a page of a proxy."""
    try:
        return str(response.json()["detail"])
    except (KeyError, TypeError, ValueError):
        return ""


def _read(source: Source, response: httpx.Response, body: dict[str, Any]) -> Answered | Failed:
    if response.status_code == 201:
        return answered(source.name, body)
    return Failed(source.name, str(body["code"]), str(body["detail"]))
