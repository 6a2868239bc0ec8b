"""Fetches an image from a URL sent by a client."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Self

import httpcore
import httpx

from serve_app import VERSION
from serve_app.errors import BadUrl, DeadlineExceeded, FetchFailed
from serve_app.fetch.addresses import AddressPolicy, Network
from serve_app.fetch.backend import GuardedBackend, Resolver
from serve_app.fetch.content_encoding import codings_of, decode_body
from serve_app.fetch.failures import describe_failure
from serve_app.fetch.fair_slots import FairSlots
from serve_app.fetch.proxy import ProxyBackend, check_without_resolving, proxy_at
from serve_app.fetch.resolver import SystemResolver, current_client
from serve_app.fetch.response_guard import PartCounter
from serve_app.fetch.urls import host_name, parse_image_url, redirect_target
from serve_app.images.formats import SNIFF_BYTES, sniff, unsupported_format_message
from serve_app.images.limits import MAX_IMAGE_BYTES

MAX_REDIRECTS: Final = 3

MAX_FETCHES: Final = 100
"""At the same time."""
MAX_FETCHES_PER_KEY: Final = 32
"""At the same time for one client, or from one host; the others wait for their turn."""
_PARTS_AT_A_TIME: Final = 64
"""Parts of a body after which other tasks may run."""

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))

_WITH_IMAGE: Final = frozenset((200, 203))
"""203: 200, changed by a proxy."""

_HEADERS: Final = (
    ("User-Agent", f"Raylens/{VERSION}"),
    ("Accept", "image/*"),
    ("Accept-Encoding", "identity"),
)

_NETWORK_ERRORS: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    OSError,
)


Reserve = Callable[[int], Awaitable[None]]
"""Reserves so many further bytes of memory. Raises Overloaded."""


async def _ignore_size(_size: int) -> None:
    """Without a limit."""


class Fetcher:
    """An HTTP client with pooled connections. It uses no cookies, credentials or environment variables."""

    def __init__(
        self,
        allowed_networks: Sequence[Network] = (),
        *,
        proxy: str = "",
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Allow the public internet and ``allowed_networks``.

        ``proxy``: address of a forward proxy, which then resolves host names and decides which addresses are allowed.
        ``resolver``: by default that of the system.
        ``timeout_s``: total time of one fetch, from its first connection. ``clock``: Unix seconds.
        """
        self._timeout_s = timeout_s
        self._clock = clock
        self._policy = AddressPolicy(allowed_networks)
        self._is_proxied = bool(proxy)
        self._slots = FairSlots(MAX_FETCHES, MAX_FETCHES_PER_KEY)
        self._backend = (ProxyBackend if proxy else GuardedBackend)(self._policy, resolver or SystemResolver())
        pool = partial(
            httpcore.AsyncConnectionPool,
            ssl_context=ssl_context or httpx.create_ssl_context(trust_env=False),
            max_connections=MAX_FETCHES,
            network_backend=self._backend,
            proxy=proxy_at(proxy) if proxy else None,
        )
        self._pool = pool(max_keepalive_connections=20, keepalive_expiry=5.0)
        self._unpooled = pool(max_keepalive_connections=0)

    async def fetch(self, url: str, *, deadline: float, client: str = "", reserve: Reserve = _ignore_size) -> bytes:
        """Fetch the image at ``url``: at most ``MAX_IMAGE_BYTES``, of an allowed format by its first bytes.

        :param deadline: Unix seconds.
        :param client: who asks for it. Clients share the connections fairly, and so do the servers of the images.
        :param reserve: reserves the memory for what arrives.
        :raises BadUrl: the URL, or the target of a redirect, is invalid.
        :raises ForbiddenAddress: the URL leads to an address that is not allowed.
        :raises FetchFailed: the server returned no image.
        :raises Overloaded: too many images wait for a connection, or ``reserve`` raises it.
        :raises DeadlineExceeded: the deadline has passed.
        """
        target = parse_image_url(url)
        left_s = deadline - self._clock()
        if left_s <= 0:
            raise DeadlineExceeded("The time for this image was over before it could be fetched.")
        current_client.set(client)
        try:
            async with asyncio.timeout(left_s):
                return await self._follow(target, client, reserve)
        except TimeoutError as error:
            host = host_name(target)
            raise DeadlineExceeded(f"The time was over while the image was fetched from {host}.") from error

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._pool.aclose()
        await self._unpooled.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _follow(self, url: httpx.URL, client: str, reserve: Reserve) -> bytes:
        left_s = self._timeout_s
        for _ in range(MAX_REDIRECTS + 1):
            if self._is_proxied:
                check_without_resolving(host_name(url), self._policy)
            async with self._slots.slot(f"client {client}", f"host {host_name(url)}"):
                began = time.monotonic()
                result = await self._get_within(left_s, url, reserve)
                left_s -= time.monotonic() - began
            if isinstance(result, bytes):
                return result
            url = result
        raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")

    async def _get_within(self, left_s: float, url: httpx.URL, reserve: Reserve) -> bytes | httpx.URL:
        """``left_s``: what is left of the timeout, which does not include the time to wait for a slot."""
        host = host_name(url)
        try:
            async with asyncio.timeout(left_s):
                try:
                    return await self._get(url, reserve)
                except _NETWORK_ERRORS as error:
                    raise FetchFailed(describe_failure(error, host)) from error
        except TimeoutError as error:
            raise FetchFailed(f"{host} took more than {self._timeout_s:g} s to send the image.") from error

    async def _get(self, url: httpx.URL, reserve: Reserve) -> bytes | httpx.URL:
        """The image, or the target of a redirect. Repeats a request that met a connection which the server closed."""
        in_use = self._backend.in_use
        in_use.set(None)
        try:
            return await self._request(self._pool, url, reserve)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            stream = in_use.get()
            if stream is None or not stream.is_stale:
                raise
        return await self._request(self._unpooled, url, reserve)

    async def _request(self, pool: httpcore.AsyncConnectionPool, url: httpx.URL, reserve: Reserve) -> bytes | httpx.URL:
        address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        async with pool.stream("GET", address, headers=_HEADERS) as response:
            if response.status in _REDIRECTS and (location := _header(response, b"location")):
                return _redirected(url, location)
            length = _header(response, b"content-length")
            _check(host_name(url), response.status, length)
            codings = codings_of(_header(response, b"content-encoding").decode("latin-1"))
            if length.isdigit():
                await reserve(int(length))  # at once: several that have a part each would wait for each other
                body = await _body(host_name(url), response, _ignore_size, may_be_encoded=bool(codings))
            else:
                body = await _body(host_name(url), response, reserve, may_be_encoded=bool(codings))
            if length and (stream := self._backend.in_use.get()):
                stream.check_length(_head_length(response) + len(body))
        return await _image(host_name(url), body, codings)


def _redirected(url: httpx.URL, location: bytes) -> httpx.URL:
    try:
        return redirect_target(url, location)
    except BadUrl as error:
        raise BadUrl(f"{host_name(url)} redirects to where no image is fetched from. {error}") from error


def _check(host: str, status: int, length: bytes) -> None:
    if status not in _WITH_IMAGE:
        raise FetchFailed(f"{host} answered with status {status}.")
    if length.isdigit() and int(length[:20]) > MAX_IMAGE_BYTES:
        raise _too_large(host)


def _header(response: httpcore.Response, name: bytes) -> bytes:
    """Empty if the response does not have it; several values are separated by commas."""
    values = [value for other, value in response.headers if other.lower() == name]
    return b",".join(values) if name == b"content-encoding" else b"".join(values[:1])


def _head_length(response: httpcore.Response) -> int:
    """The bytes of the status line and the headers in their usual form."""
    status = b"%s 200 %s" % (response.extensions["http_version"], response.extensions["reason_phrase"])
    return sum(len(line) + 2 for line in (status, *map(b": ".join, response.headers), b""))


async def _image(host: str, body: bytes, codings: Sequence[str]) -> bytes:
    """The image in a body. A declared coding does not count if the body is an image without it."""
    if not codings or sniff(body[:SNIFF_BYTES]):
        return body
    try:
        image = await asyncio.to_thread(decode_body, body, codings, MAX_IMAGE_BYTES)
    except FetchFailed as error:
        raise FetchFailed(f"{host} {error}") from None
    _check_image(host, image)
    if len(image) > MAX_IMAGE_BYTES:
        raise _too_large(host)
    return image


async def _body(host: str, response: httpcore.Response, reserve: Reserve, *, may_be_encoded: bool) -> bytes:
    """Read the body; stop as soon as it is too large or not an image."""
    body = bytearray()
    is_checked = may_be_encoded
    parts = PartCounter()
    async for chunk in response.aiter_stream():
        body += chunk
        if parts.add(len(chunk)) % _PARTS_AT_A_TIME == 0:
            await asyncio.sleep(0)
        if len(body) > MAX_IMAGE_BYTES:
            raise _too_large(host)
        await reserve(len(chunk))
        if not is_checked and len(body) >= SNIFF_BYTES:
            _check_image(host, body)
            is_checked = True
    if not may_be_encoded or not body:
        _check_image(host, body)
    return bytes(body)


def _check_image(host: str, body: bytes | bytearray) -> None:
    head = bytes(body[:SNIFF_BYTES])
    if not head:
        raise FetchFailed(f"{host} sent nothing.")
    if sniff(head) is None:
        raise FetchFailed(f"{host} sent no image. {unsupported_format_message(head)}")


def _too_large(host: str) -> FetchFailed:
    return FetchFailed(f"The image at {host} has more than {MAX_IMAGE_BYTES:,} bytes (20 MiB).")
