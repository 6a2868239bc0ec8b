"""Paths of the Kubernetes API."""

from typing import Final
from urllib.parse import quote

RAY_API: Final = "ray.io/v1"


def resource_path(api_version: str, plural: str, namespace: str = "", name: str = "") -> str:
    """Without a namespace: cluster-wide; without a name: the list."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    parts = [*(("namespaces", namespace) if namespace else ()), plural, *([name] if name else ())]
    return "/".join((root, *(quote(part, safe="") for part in parts)))


def core_path(plural: str, namespace: str = "", name: str = "") -> str:
    return resource_path("v1", plural, namespace, name)


def ray_path(plural: str, namespace: str, name: str = "") -> str:
    return resource_path(RAY_API, plural, namespace, name)
