"""What the server says of itself: /version, /api, /apis and what is below them, one by one and aggregated."""

from typing import Any, Final

from tests.kuberay.apiserver.refusal import no_such_path
from tests.kuberay.apiserver.request import Reply, Request
from tests.kuberay.apiserver.resources import Resource, Resources

VERSION: Final = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.0",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2025-04-23T00:00:00Z",
    "goVersion": "go1.24.0",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def answer(request: Request, resources: Resources) -> Reply | None:
    """None where the path is not about the server itself. Raises Refused."""
    match request.path.strip("/").split("/"):
        case ["version"]:
            return Reply(VERSION)
        case ["healthz" | "readyz" | "livez", *_]:
            return Reply(b"ok", media_type="text/plain")
        case ["api" | "apis" as root] if "as=APIGroupDiscoveryList" in request.headers.get("Accept", ""):
            return Reply(_aggregated(resources, core=root == "api"), media_type=AGGREGATED)
        case ["api"]:
            return Reply({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        case ["apis"]:
            groups = [_group(name, versions) for name, versions in _groups(resources).items() if name]
            return Reply({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        case ["apis", name]:
            if name not in _groups(resources):
                raise no_such_path()
            return Reply({"kind": "APIGroup", "apiVersion": "v1", **_group(name, _groups(resources)[name])})
        case ["api", "v1"]:
            return Reply(_resource_list(resources, "", "v1"))
        case ["apis", group, version]:
            return Reply(_resource_list(resources, group, version))
    return None


def _groups(resources: Resources) -> dict[str, list[str]]:
    """Versions by group, the preferred one first."""
    found: dict[str, list[str]] = {}
    for resource in resources:
        versions = found.setdefault(resource.group, [])
        if resource.version not in versions:
            versions.append(resource.version)
    return found


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(resources: Resources, group: str, version: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for resource in resources:
        if (resource.group, resource.version) == (group, version):
            rows.append(_row(resource))
            rows += [_subrow(resource, name) for name in resource.subresources]
    if not rows:
        raise no_such_path()
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": rows}


def _row(resource: Resource) -> dict[str, Any]:
    row = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
        "shortNames": list(resource.short),
        "categories": list(resource.categories),
    }
    return {key: value for key, value in row.items() if value not in ([], None)}


def _subrow(resource: Resource, name: str) -> dict[str, Any]:
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"} if name == "scale" else {"kind": resource.kind}
    row = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced, **scale}
    return {**row, "verbs": ["get"] if name == "log" else ["get", "patch", "update"]}


def _aggregated(resources: Resources, *, core: bool) -> dict[str, Any]:
    groups = _groups(resources).items()
    items = [
        {"metadata": {"name": name} if name else {}, "versions": [_version(resources, name, one) for one in versions]}
        for name, versions in groups
        if core == (not name)
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _version(resources: Resources, group: str, version: str) -> dict[str, Any]:
    rows = [_discovered(row) for row in resources if (row.group, row.version) == (group, version)]
    return {"version": version, "freshness": "Current", "resources": rows}


def _discovered(resource: Resource) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    below = [
        {
            "subresource": name,
            "responseKind": scale if name == "scale" else kind,
            "verbs": _subrow(resource, name)["verbs"],
        }
        for name in resource.subresources
    ]
    row = _row(resource)
    return {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": row["singularName"],
        **{key: row[key] for key in ("verbs", "shortNames", "categories") if key in row},
        **({"subresources": below} if below else {}),
    }
