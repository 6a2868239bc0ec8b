"""What a path leads to."""

from dataclasses import dataclass

from tests.kuberay.apiserver.refusal import no_such_path
from tests.kuberay.apiserver.resources import Resource, Resources


@dataclass(frozen=True)
class Target:
    """A collection, an object or a part of one."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target(resources: Resources, path: str) -> Target:
    """Raises Refused (404)."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    resource = resources.at(group, version, rest[0]) if rest else None
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        raise no_such_path()
    name, subresource = ([*rest[1:], "", ""])[:2]
    if subresource and subresource not in resource.subresources:
        raise no_such_path()
    return Target(resource, namespace, name, subresource)
