"""The environment's proxy for an API server, as kubectl finds it."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment


def use_proxy_like_kubectl(configuration: Any) -> None:  # noqa: ANN401 - of a library without types
    """Let a client ignore ``all_proxy``, and every variable for an API server on this machine, such as that of kind.

    A ``proxy-url`` of the kubeconfig remains. The client itself heeds ``NO_PROXY``.
    """
    variables = getproxies_environment()
    if configuration.proxy not in variables.values():
        return
    url = urlsplit(configuration.host)
    proxy = None if _is_loopback(url.hostname or "") else variables.get(url.scheme)
    configuration.proxy = f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
