"""HTTP client for identity providers, with limits on the time and size of a response."""

import asyncio
import json
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from auth.errors import InvalidProviderResponse, ProviderUnavailable
from auth.external.environment_proxy import UnusableProxy, environment_proxy

TIMEOUT_S: Final = 5.0
"""For a complete response, however slowly it arrives."""
_MAX_BYTES: Final = 512 << 10
_MAX_CHUNKS: Final = 2_048
_CHUNKS_AT_A_TIME: Final = 64
"""Chunks after which other tasks may run: parsing a tiny one takes a thousand times as long as receiving it."""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    host: str
    status: int
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Raises InvalidProviderResponse."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise InvalidProviderResponse(f"{self.host} did not return JSON (status {self.status}).") from None

    def json_object(self) -> dict[str, Any]:
        """Raises InvalidProviderResponse."""
        content = self.json()
        if not isinstance(content, dict):
            raise InvalidProviderResponse(f"{self.host} did not return a JSON object (status {self.status}).")
        return content

    def raise_for_status(self) -> "ProviderResponse":
        """The response itself. Raises InvalidProviderResponse unless the status is 200."""
        if self.status != 200:
            raise InvalidProviderResponse(f"{self.host} returned the unexpected status {self.status}.")
        return self


class ProviderClient:
    """Follows no redirects: only configured addresses have been validated.

    The environment's proxies and certificates apply, since a provider may be reachable only through a proxy.
    """

    async def get(self, url: str, **headers: str) -> ProviderResponse:
        """Raises ProviderUnavailable, or InvalidProviderResponse for a response that is too large or compressed."""
        return await self._send("GET", url, headers, None)

    async def post(self, url: str, headers: dict[str, str], body: str) -> ProviderResponse:
        """Raises as :meth:`get`."""
        return await self._send("POST", url, headers, body)

    async def _send(self, method: str, url: str, headers: dict[str, str], body: str | None) -> ProviderResponse:
        host = urlsplit(url).hostname or ""
        tls, proxy = _tls_context(), _proxy(url)
        # No compression: a small body could expand to a huge one.
        headers = {"Accept": "application/json", "User-Agent": "Raylens", "Accept-Encoding": "identity"} | headers
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                httpx.AsyncClient(verify=tls, timeout=TIMEOUT_S, trust_env=False, proxy=proxy) as client,
                client.stream(method, url, headers=headers, content=body) as response,
            ):
                content = await _read(response, host)
        except (TimeoutError, httpx.TimeoutException):
            raise ProviderUnavailable(f"{host} did not respond within {TIMEOUT_S:.0f} seconds.") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ProviderUnavailable(f"{host} is unreachable ({type(error).__name__}).") from None
        if response.status_code >= 500 or response.status_code == 429:
            raise ProviderUnavailable(f"{host} is temporarily unavailable (status {response.status_code}).")
        return ProviderResponse(host, response.status_code, content)


def _proxy(url: str) -> httpx.Proxy | None:
    """Raises ProviderUnavailable."""
    try:
        return environment_proxy(httpx.URL(url))
    except (UnusableProxy, httpx.InvalidURL) as error:
        raise ProviderUnavailable(str(error)) from None


@cache
def _tls_context() -> SSLContext:
    """Loaded once: reading the certificate authorities is slow."""
    return httpx.create_ssl_context()


async def _read(response: httpx.Response, host: str) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidProviderResponse(f"{host} compressed its response although compression was not accepted.")
    content = bytearray()
    chunks = 0
    async for chunk in response.aiter_raw():
        content += chunk
        chunks += 1
        if chunks > _MAX_CHUNKS:
            raise InvalidProviderResponse(f"{host} sent its response in more than {_MAX_CHUNKS:,} parts.")
        if chunks % _CHUNKS_AT_A_TIME == 0:
            await asyncio.sleep(0)
        if len(content) > _MAX_BYTES:
            raise InvalidProviderResponse(f"{host} returned more than {_MAX_BYTES >> 10} KiB.")
    return bytes(content)
