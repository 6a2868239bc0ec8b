"""Where Kubernetes' API keeps what."""

from typing import Final
from urllib.parse import quote

RAY: Final = "ray.io/v1"


def path_of(api_version: str, plural: str, namespace: str = "", name: str = "") -> str:
    """Without a namespace: of the cluster, or of all namespaces; without a name: the list."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    parts = [*(("namespaces", namespace) if namespace else ()), plural, *([name] if name else ())]
    return "/".join((root, *(quote(part, safe="") for part in parts)))


def core(plural: str, namespace: str = "", name: str = "") -> str:
    return path_of("v1", plural, namespace, name)


def ray(plural: str, namespace: str, name: str = "") -> str:
    return path_of(RAY, plural, namespace, name)


def log(namespace: str, pod: str) -> str:
    return f"{core('pods', namespace, pod)}/log"
