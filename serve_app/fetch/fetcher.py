"""Fetches an image from a URL sent by a client."""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Final, Self

import httpcore
import httpx

from serve_app import VERSION
from serve_app.errors import BadUrl, DeadlineExceeded, FetchFailed
from serve_app.fetch.addresses import AddressPolicy, Network
from serve_app.fetch.backend import GuardedBackend, Resolver, resolve_host
from serve_app.fetch.urls import parse_image_url
from serve_app.images.formats import SNIFF_BYTES, sniff, unsupported_format_message
from serve_app.images.limits import MAX_IMAGE_BYTES

MAX_REDIRECTS: Final = 3

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))

_HEADERS: Final = (
    ("User-Agent", f"Raylens/{VERSION}"),
    ("Accept", "image/*"),
    ("Accept-Encoding", "identity"),
)

_NETWORK_ERRORS: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError)


class Fetcher:
    """An HTTP client with pooled connections. It uses no cookies, proxies, credentials or environment variables."""

    def __init__(
        self,
        allowed_networks: Sequence[Network] = (),
        *,
        resolver: Resolver = resolve_host,
        ssl_context: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Allow the public internet and ``allowed_networks``.

        ``timeout_s``: total time of one fetch. ``clock``: Unix seconds.
        """
        self._timeout_s = timeout_s
        self._clock = clock
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=GuardedBackend(AddressPolicy(allowed_networks), resolver),
        )

    async def fetch(self, url: str, *, deadline: float) -> bytes:
        """Fetch the image at ``url``: at most ``MAX_IMAGE_BYTES``, of an allowed format by its first bytes.

        :param deadline: Unix seconds.
        :raises BadUrl: the URL, or the target of a redirect, is invalid.
        :raises ForbiddenAddress: the URL leads to an address that is not allowed.
        :raises FetchFailed: the server returned no image.
        :raises DeadlineExceeded: the deadline has passed.
        """
        target = parse_image_url(url)
        left_s = deadline - self._clock()
        if left_s <= 0:
            raise DeadlineExceeded("The time for this image was over before it could be fetched.")
        try:
            async with asyncio.timeout(min(left_s, self._timeout_s)):
                return await self._follow(target)
        except TimeoutError as error:
            if left_s < self._timeout_s:
                raise DeadlineExceeded(f"The time was over while the image was fetched from {target.host}.") from error
            raise FetchFailed(f"{target.host} took more than {self._timeout_s:g} s to send the image.") from error

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _follow(self, url: httpx.URL) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                result = await self._get(url)
            except _NETWORK_ERRORS as error:
                raise FetchFailed(f"The connection to {url.host} failed.") from error
            if isinstance(result, bytes):
                return result
            url = result
        raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")

    async def _get(self, url: httpx.URL) -> bytes | httpx.URL:
        """The image, or the target of a redirect."""
        address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        async with self._pool.stream("GET", address, headers=_HEADERS) as response:
            headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _REDIRECTS and (location := headers.get(b"location")):
                return _redirected(url, location)
            _check(url.host, response.status, headers)
            return await _body(url.host, response)


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return parse_image_url(str(url.join(location)))
    except (BadUrl, httpx.InvalidURL, ValueError) as error:
        reason = error if isinstance(error, BadUrl) else "The URL is malformed."
        raise BadUrl(f"{url.host} redirects to where no image is fetched from. {reason}") from error


def _check(host: str, status: int, headers: dict[bytes, str]) -> None:
    if status != 200:
        raise FetchFailed(f"{host} answered with status {status}.")
    if (encoding := headers.get(b"content-encoding", "identity").strip().lower()) not in ("", "identity"):
        raise FetchFailed(f"{host} sent the image compressed ({encoding[:20]}) although it was asked not to.")
    length = headers.get(b"content-length", "")
    if length.isdecimal() and int(length[:20]) > MAX_IMAGE_BYTES:
        raise _too_large(host)


async def _body(host: str, response: httpcore.Response) -> bytes:
    """Read the body; stop as soon as it is too large or not an image."""
    body = bytearray()
    sniffed = False
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > MAX_IMAGE_BYTES:
            raise _too_large(host)
        if not sniffed and len(body) >= SNIFF_BYTES:
            _check_image(host, body)
            sniffed = True
    _check_image(host, body)
    return bytes(body)


def _check_image(host: str, body: bytearray) -> None:
    head = bytes(body[:SNIFF_BYTES])
    if not head:
        raise FetchFailed(f"{host} sent nothing.")
    if sniff(head) is None:
        raise FetchFailed(f"{host} sent no image. {unsupported_format_message(head)}")


def _too_large(host: str) -> FetchFailed:
    return FetchFailed(f"The image at {host} has more than {MAX_IMAGE_BYTES:,} bytes (20 MiB).")
