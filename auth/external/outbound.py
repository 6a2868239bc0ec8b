"""What is asked of providers over HTTP, so that none of them can hold or fill a replica."""

import asyncio
import json
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from auth.errors import InvalidProviderResponse, ProviderUnavailable

TIMEOUT_S: Final = 5.0
"""For a whole answer: one that drips in takes no longer."""
MOST_BYTES: Final = 512 << 10


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is wholly here."""

    host: str
    status: int
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Raises InvalidProviderResponse."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise InvalidProviderResponse(
                f"{self.host} answered something that is not JSON (status {self.status})."
            ) from None

    def mapping(self) -> dict[str, Any]:
        """A JSON object. Raises InvalidProviderResponse."""
        content = self.json()
        if not isinstance(content, dict):
            raise InvalidProviderResponse(
                f"{self.host} answered something that is not a JSON object (status {self.status})."
            )
        return content

    def expected(self) -> "Reply":
        """Itself, if its status is 200. Raises InvalidProviderResponse."""
        if self.status != 200:
            raise InvalidProviderResponse(f"{self.host} answered with the unexpected status {self.status}.")
        return self


class Outbound:
    """Follows no redirect: where a provider is has been checked, where it points to has not."""

    async def get(self, url: str, **headers: str) -> Reply:
        """Raises ProviderUnavailable, or InvalidProviderResponse for an answer that is too large."""
        return await self._send("GET", url, headers, None)

    async def post(self, url: str, headers: dict[str, str], body: str) -> Reply:
        """Raises as :meth:`get`."""
        return await self._send("POST", url, headers, body)

    async def _send(self, method: str, url: str, headers: dict[str, str], body: str | None) -> Reply:
        host = urlsplit(url).hostname or ""
        tls = _tls()
        # Compressed, a few bytes could become very many.
        plain = {"Accept": "application/json", "User-Agent": "Raylens", "Accept-Encoding": "identity"} | headers
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                httpx.AsyncClient(verify=tls, timeout=TIMEOUT_S) as client,
                client.stream(method, url, headers=plain, content=body) as response,
            ):
                content = await _read(response, host)
        except (TimeoutError, httpx.TimeoutException):
            raise ProviderUnavailable(f"{host} did not answer within {TIMEOUT_S:.0f} seconds.") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ProviderUnavailable(f"{host} cannot be reached ({type(error).__name__}).") from None
        if response.status_code >= 500 or response.status_code == 429:
            raise ProviderUnavailable(f"{host} has trouble of its own just now (status {response.status_code}).")
        return Reply(host, response.status_code, content)


@cache
def _tls() -> SSLContext:
    """Read once: the list of authorities takes its time."""
    return httpx.create_ssl_context()


async def _read(response: httpx.Response, host: str) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidProviderResponse(f"{host} compressed its answer though it was asked not to.")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > MOST_BYTES:
            raise InvalidProviderResponse(f"{host} answered with more than {MOST_BYTES >> 10} KiB.")
    return bytes(content)
