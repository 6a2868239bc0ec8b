"""The proxy that the environment names for a server, by the rules of curl."""

import contextlib
import ipaddress
from urllib.request import getproxies_environment

import httpx


class UnusableProxy(ValueError):
    """A proxy that the environment names, but that is not the address of an HTTP proxy."""


def environment_proxy(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy from ``http_proxy``, ``https_proxy`` or ``all_proxy``, unless ``no_proxy`` lists the host.

    httpx itself would reject any variable that it does not understand, even one that does not apply. Unlike for curl,
    requests to this machine never use a proxy. Raises UnusableProxy.
    """
    proxies = getproxies_environment()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or is_loopback(url.host) or _is_excepted(url, proxies.get("no", "")):
        return None
    try:
        found = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
    except (httpx.InvalidURL, ValueError):
        found = None
    if found is None or found.url.scheme not in {"http", "https"} or not found.url.host:
        raise UnusableProxy(
            f"The proxy that the environment names for {url.host} cannot be used: set {url.scheme}_proxy to an address "
            f"like http://proxy.example.org:3128, or add {url.host} to no_proxy."
        )
    return found


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_excepted(url: httpx.URL, listed: str) -> bool:
    """``listed``: hosts, domains, and networks such as 10.0.0.0/8, separated by commas; ``*`` is any host."""
    entries = [entry.strip().lower().lstrip(".") for entry in listed.split(",")]
    return any(_covers(entry, url.host, url.port) for entry in entries if entry)


def _covers(entry: str, host: str, port: int | None) -> bool:
    name = entry.removesuffix(f":{port}") if port else entry
    if entry == "*" or host == name or host.endswith(f".{name}"):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(name.strip("[]"), strict=False)
    return False
