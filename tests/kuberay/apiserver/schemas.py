"""What the fields of a kind are: of a custom kind its definition says it, of Kubernetes' own the models of its client.

Both come as the structural OpenAPI schema of a CustomResourceDefinition. How lists are merged the models do not tell:
that is listed here after ``staging/src/k8s.io/api`` of Kubernetes (``patchMergeKey`` and ``listMapKey``).
"""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.kuberay.apiserver.resources import Resource

Schema = dict[str, Any]


def _models() -> Path:
    found = importlib.util.find_spec("kubernetes")
    assert found
    assert found.origin
    return Path(found.origin).parent / "client" / "models"


MODELS: Final = _models()

ANYTHING: Final[Schema] = {"x-kubernetes-preserve-unknown-fields": True}

MERGED: Final[dict[str, tuple[str, ...]]] = {
    "V1PodSpec.containers": ("name",),
    "V1PodSpec.initContainers": ("name",),
    "V1PodSpec.ephemeralContainers": ("name",),
    "V1PodSpec.volumes": ("name",),
    "V1PodSpec.imagePullSecrets": ("name",),
    "V1PodSpec.hostAliases": ("ip",),
    "V1PodSpec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "V1PodSpec.readinessGates": ("conditionType",),
    "V1PodSpec.resourceClaims": ("name",),
    "V1Container.env": ("name",),
    "V1Container.ports": ("containerPort", "protocol"),
    "V1Container.volumeMounts": ("mountPath",),
    "V1Container.volumeDevices": ("devicePath",),
    "V1ServiceSpec.ports": ("port", "protocol"),
    "V1ServiceAccount.secrets": ("name",),
    "V1ServiceAccount.imagePullSecrets": ("name",),
    "V1ObjectMeta.ownerReferences": ("uid",),
    "V1DeploymentStatus.conditions": ("type",),
    "V1StatefulSetStatus.conditions": ("type",),
    "V1JobStatus.conditions": ("type",),
    "V1PodStatus.conditions": ("type",),
    "V1NamespaceStatus.conditions": ("type",),
    "V1PodDisruptionBudgetStatus.conditions": ("type",),
    "V1PersistentVolumeClaimStatus.conditions": ("type",),
}
"""Lists of objects that are merged, by the keys of server-side apply; strategic merge goes by the first."""

SETS: Final = {"V1ObjectMeta.finalizers"}

ATOMIC: Final = re.compile(
    r"^V1(LabelSelector|LocalObjectReference|\w+KeySelector|ObjectFieldSelector|ResourceFieldSelector|NodeSelector"
    r"|NodeSelectorTerm|ObjectReference|TypedLocalObjectReference|RoleRef|Subject)$"
)
"""Objects that have one owner as a whole."""

ATOMIC_MAPS: Final = {"V1PodSpec.nodeSelector", "V1ServiceSpec.selector"}

QUANTITIES: Final = {"limits", "requests", "capacity", "hard", "allocatable", "sizeLimit", "storage", "divisor"}
"""Fields that are text in the models, and take numbers as well."""

SCALARS: Final[dict[str, Schema]] = {
    "str": {"type": "string"},
    "datetime": {"type": "string"},
    "bytes": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "object": ANYTHING,
}


def schema_of(resource: Resource) -> Schema | None:
    """The schema of a kind, ``metadata`` included; None where nobody told."""
    if resource.custom:
        return _with_metadata(resource.schema) if resource.schema else None
    return _model(_model_name(resource))


def metadata() -> Schema:
    """Of every object's ``metadata``."""
    schema = _model("V1ObjectMeta")
    assert schema
    return schema


def _with_metadata(schema: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], "metadata": metadata()}}


def _model_name(resource: Resource) -> str:
    if resource.kind == "Event":
        return "CoreV1Event"
    return resource.version[0].upper() + resource.version[1:] + resource.kind


@cache
def _model(name: str) -> Schema | None:
    """The schema of a class of ``kubernetes.client.models``; those it consists of follow when they are looked at.

    Its source is read: running it takes seconds.
    """
    file = MODELS / (re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower() + ".py")
    if not file.exists():
        return None
    source = file.read_text()
    types, names = (_table(source, table) for table in ("openapi_types", "attribute_map"))
    schema: Schema = {"type": "object", "properties": _Fields(names, types, name)}
    if ATOMIC.match(name):
        schema["x-kubernetes-map-type"] = "atomic"
    return schema


def _table(source: str, name: str) -> dict[str, str]:
    """A dictionary that stands in a class."""
    begin = source.index("{", source.index(f"    {name}: ClassVar"))
    table: dict[str, str] = ast.literal_eval(source[begin : source.index("}", begin) + 1])
    return table


class _Fields(dict[str, Schema]):
    """Schemas of a model's fields, made when they are asked for: models contain each other."""

    def __init__(self, names: dict[str, str], types: dict[str, str], owner: str) -> None:
        super().__init__({json: {} for json in names.values()})
        self._types = {json: types[attribute] for attribute, json in names.items()}
        self._owner = owner
        self._made: set[str] = set()

    def __getitem__(self, field: str) -> Schema:
        if field not in self._made:
            super().__setitem__(field, self._schema(field))
            self._made.add(field)
        return super().__getitem__(field)

    def get(self, field: str, default: Any = None) -> Any:
        return self[field] if field in self else default  # noqa: SIM401 - it is this very method

    def items(self) -> Any:
        return [(field, self[field]) for field in self]

    def _schema(self, field: str) -> Schema:
        path = f"{self._owner}.{field}"
        schema = dict(_typed(self._types[field], quantity=field in QUANTITIES))
        if path in MERGED:
            schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(MERGED[path])}
        elif path in SETS:
            schema["x-kubernetes-list-type"] = "set"
        elif path in ATOMIC_MAPS:
            schema["x-kubernetes-map-type"] = "atomic"
        if field == "protocol" and self._owner in {"V1ContainerPort", "V1ServicePort"}:
            schema["default"] = "TCP"
        return schema


def _typed(name: str, *, quantity: bool = False) -> Schema:
    if name in SCALARS:
        return {"x-kubernetes-int-or-string": True} if quantity and name == "str" else SCALARS[name]
    if found := re.match(r"^[Ll]ist\[(.*)\]$", name):
        return {"type": "array", "items": _typed(found[1])}
    if found := re.match(r"^(?:dict\(|Dict\[)str, (.*)[\])]$", name):
        return {"type": "object", "additionalProperties": _typed(found[1], quantity=quantity)}
    return _model(name) or ANYTHING
