"""Keeps traffic inside of the cluster away from the proxies of the environment (``http_proxy``, ``all_proxy``, …).

The variables remain for what is outside: identity providers, a remote collector of traces, downloads of weights.
"""

import string
from collections.abc import MutableMapping
from typing import Final

NO_GRPC_PROXY: Final = ",".join(string.digits + string.ascii_lowercase)
"""Value of ``no_grpc_proxy`` that excepts every host: gRPC compares its entries with the ends of host names.

All gRPC is internal. gRPC would send it even for 127.0.0.1 to a proxy, and knows neither ``*`` nor, in the version that
Ray contains, networks.
"""

_DIRECT: Final = ("localhost", "127.0.0.1", "::1", "169.254.169.254", "metadata.google.internal")
"""Loopback, and the metadata servers of clouds, which Ray asks where it runs."""


def except_internal_hosts(environment: MutableMapping[str, str]) -> None:
    """Extend ``no_proxy``, in both spellings, and set ``no_grpc_proxy``. Child processes inherit them."""
    environment["no_grpc_proxy"] = NO_GRPC_PROXY
    names = ("no_proxy", "NO_PROXY")
    listed = [host.strip() for name in names for host in environment.get(name, "").split(",")]
    value = ",".join(dict.fromkeys(filter(None, [*listed, *_DIRECT])))
    environment.update(dict.fromkeys(names, value))
