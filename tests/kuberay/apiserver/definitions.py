"""KubeRay's own definitions, where they are at hand; without them its objects may hold anything."""

from functools import cache
from typing import Any, Final

import yaml

from tests.kuberay.schemas import FOLDER

NAMES: Final = {"RayCluster": "ray.io_rayclusters.yaml", "RayService": "ray.io_rayservices.yaml"}

MISSING: Final = f"{FOLDER} has not KubeRay's definitions; RAYLENS_CRDS names a folder with them"


def known() -> bool:
    """Whether objects of ray.io are held to a schema."""
    return all((FOLDER / name).exists() for name in NAMES.values())


@cache
def ray_definitions() -> tuple[dict[str, Any], ...]:
    """CustomResourceDefinitions of RayCluster and RayService, in ``ray.io/v1`` alone."""
    return tuple(_read(name) if known() else _without_schema(kind) for kind, name in NAMES.items())


def _read(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = yaml.load((FOLDER / name).read_bytes(), yaml.CSafeLoader)
    spec = definition["spec"]
    spec["versions"] = [version for version in spec["versions"] if version["name"] == "v1"]
    return definition


def _without_schema(kind: str) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}
    names = {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower(), "categories": ["all"]}
    spec = {"group": "ray.io", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"kind": "CustomResourceDefinition", "metadata": {"name": f"{names['plural']}.ray.io"}, "spec": spec}
