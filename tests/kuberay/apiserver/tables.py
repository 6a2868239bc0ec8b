"""Objects as rows, which ``kubectl get`` asks for."""

import datetime
import re
from collections.abc import Sequence
from typing import Any

from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.store import Manifest


def wanted(accept: str) -> bool:
    """Whether a client would rather have a table."""
    return "as=Table" in accept.partition(",")[0]


def table(resource: Resource, items: Sequence[Manifest], metadata: Manifest) -> Manifest:
    columns = [("Name", "string", ".metadata.name"), *_columns(resource)]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [
            {"name": name, "type": "string" if kind == "date" else kind, "format": "", "description": "", "priority": 0}
            for name, kind, _ in columns
        ],
        "rows": [
            {"cells": [_cell(item, kind, path) for _, kind, path in columns], "object": _partial(item)}
            for item in items
        ],
    }


def _columns(resource: Resource) -> Sequence[tuple[str, str, str]]:
    if resource.columns:
        return resource.columns
    age = ("Age", "date", ".metadata.creationTimestamp")
    of_kind = {
        "Pod": (("Status", "string", ".status.phase"), ("Node", "string", ".spec.nodeName")),
        "Job": (("Succeeded", "integer", ".status.succeeded"), ("Failed", "integer", ".status.failed")),
        "Deployment": (("Ready", "integer", ".status.readyReplicas"), ("Wanted", "integer", ".spec.replicas")),
        "Service": (("Type", "string", ".spec.type"), ("Cluster-IP", "string", ".spec.clusterIP")),
        "PersistentVolumeClaim": (("Status", "string", ".status.phase"),),
        "Event": (("Reason", "string", ".reason"), ("Message", "string", ".message")),
    }
    return (*of_kind.get(resource.kind, ()), age)


def _cell(item: Manifest, kind: str, path: str) -> Any:
    value: Any = item
    for name in re.findall(r"[^.\\]+", path):
        value = value.get(name) if isinstance(value, dict) else None
    if kind == "date" and value:
        made = datetime.datetime.fromisoformat(value)
        return f"{int((datetime.datetime.now(datetime.UTC) - made).total_seconds())}s"
    return value


def _partial(item: Manifest) -> Manifest:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}
