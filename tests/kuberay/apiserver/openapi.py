"""OpenAPI of every kind: that ``fieldValidation`` is understood, and the schemas of definitions that are known."""

from typing import Any

from tests.kuberay.apiserver.refusal import no_such_path
from tests.kuberay.apiserver.request import Reply, Request
from tests.kuberay.apiserver.resources import Resource, Resources
from tests.kuberay.apiserver.schemas import Schema, schema_of


def answer(request: Request, resources: Resources) -> Reply | None:
    """None where the path is not OpenAPI's. Raises Refused."""
    match request.path.strip("/").split("/"):
        case ["openapi", "v2"]:
            return _second(request)
        case ["openapi", "v3"]:
            prefixes = {resource.prefix.strip("/") for resource in resources}
            return Reply(
                {"paths": {prefix: {"serverRelativeURL": f"/openapi/v3/{prefix}"} for prefix in sorted(prefixes)}}
            )
        case ["openapi", "v3", *prefix]:
            rows = [row for row in resources if row.prefix.strip("/") == "/".join(prefix)]
            if not rows:
                raise no_such_path()
            return Reply(_document(rows))
    return None


def _second(request: Request) -> Reply:
    """Version 2 is what clients fall back to; here it says nothing. An empty message is a document in protobuf."""
    if "protobuf" in request.headers.get("Accept", ""):
        return Reply(b"", media_type="application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
    return Reply({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.33.0"}, "paths": {}})


def _document(rows: list[Resource]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for row in rows:
        scope = "/namespaces/{namespace}" if row.namespaced else ""
        collection = f"{row.prefix}{scope}/{row.plural}"
        paths[collection] = {"post": _operation(row, "post")}
        paths[f"{collection}/{{name}}"] = {"put": _operation(row, "put"), "patch": _operation(row, "patch")}
        name = ".".join([*reversed(row.group.split(".")), row.version, row.kind]).lstrip(".")
        known = (schema_of(row) if row.custom else None) or {"type": "object"}
        schemas[name] = {**_plain(known, 0), "x-kubernetes-group-version-kind": [_kind(row)]}
    info = {"title": "Kubernetes", "version": "v1.33.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _kind(row: Resource) -> dict[str, str]:
    return {"group": row.group, "version": row.version, "kind": row.kind}


def _operation(row: Resource, verb: str) -> dict[str, Any]:
    names = ("dryRun", "fieldManager", "fieldValidation", *(["force"] if verb == "patch" else []))
    parameters = [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in names]
    return {
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": _kind(row),
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
    }


def _plain(schema: Schema, depth: int) -> dict[str, Any]:
    """Of the schema what is near its top: models contain each other, and nobody here reads further."""
    plain = {key: value for key, value in schema.items() if key not in {"properties", "items", "additionalProperties"}}
    if depth < 3 and "properties" in schema:
        plain["properties"] = {name: _plain(below, depth + 1) for name, below in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        plain["items"] = _plain(schema["items"], depth + 1)
    if isinstance(schema.get("additionalProperties"), dict):
        plain["additionalProperties"] = _plain(schema["additionalProperties"], depth + 1)
    return plain
