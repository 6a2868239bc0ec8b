"""What clients read first: the version, groups and kinds, and OpenAPI without schemas."""

from typing import Any, Final

from tests.kuberay.apiserver.http_api import Request, Response, no_such_path
from tests.kuberay.apiserver.kinds import Kind, Kinds

VERSION: Final = {"major": "1", "minor": "33", "gitVersion": "v1.33.0"}
VERBS: Final = ["create", "delete", "get", "list", "patch", "update", "watch"]


def discover(request: Request, kinds: Kinds) -> Response | None:
    """None where the path is that of objects."""
    match request.path.strip("/").split("/"):
        case ["version"]:
            return Response(VERSION)
        case ["api"]:
            return Response({"kind": "APIVersions", "versions": ["v1"]})
        case ["apis"]:
            return Response({"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(kinds)})
        case ["api" | "apis", *parts] if len(parts) < 3:
            return Response(_kind_list([kind for kind in kinds if kind.prefix == request.path]))
        case ["openapi", "v2"]:
            media_type = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
            return Response(b"", media_type=media_type)  # an empty message is a document without schemas
        case ["openapi", "v3"]:
            prefixes = {kind.prefix.strip("/") for kind in kinds}
            return Response({"paths": {prefix: {"serverRelativeURL": f"/openapi/v3/{prefix}"} for prefix in prefixes}})
        case ["openapi", "v3", *prefix]:
            return Response(_openapi([kind for kind in kinds if kind.prefix.strip("/") == "/".join(prefix)]))
    return None


def _groups(kinds: Kinds) -> list[dict[str, Any]]:
    versions = {kind.group: kind.version for kind in kinds if kind.group}
    listed = {group: {"groupVersion": f"{group}/{version}", "version": version} for group, version in versions.items()}
    return [{"name": group, "versions": [one], "preferredVersion": one} for group, one in listed.items()]


def _kind_list(kinds: list[Kind]) -> dict[str, Any]:
    if not kinds:
        raise no_such_path()
    rows = []
    for kind in kinds:
        row = {"kind": kind.name, "namespaced": kind.namespaced, "verbs": VERBS}
        rows.append({**row, "name": kind.plural, "singularName": kind.name.lower()})
        rows += [{**row, "name": f"{kind.plural}/{name}", "singularName": ""} for name in kind.subresources]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": kinds[0].api_version, "resources": rows}


def _openapi(kinds: list[Kind]) -> dict[str, Any]:
    """Clients look for the parameter ``fieldValidation``; without it they would validate by themselves."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for kind in kinds:
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.name}
        parameters = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
        patch = {"x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": gvk, "parameters": parameters}
        paths[f"{kind.prefix}/{kind.plural}/{{name}}"] = {"patch": {**patch, "responses": {}}}
        schemas[kind.name] = {"type": "object", "x-kubernetes-group-version-kind": [gvk]}
    info = {"title": "Kubernetes", "version": "v1.33.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}
