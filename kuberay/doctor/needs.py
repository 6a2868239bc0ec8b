"""What a release needs of its cluster, read from its manifests: they name every Secret, kind and class."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kuberay.kubernetes_api import Manifest


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key that a pod cannot start without."""

    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A volume; ``storage_class`` is empty for the cluster's default."""

    name: str
    storage_class: str
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """``kinds`` are pairs of API version and kind."""

    kinds: tuple[tuple[str, str], ...]
    secret_keys: tuple[SecretKey, ...]
    secrets: tuple[str, ...]
    claims: tuple[Claim, ...]
    ingress_class: str
    gateway_class: str
    worker_requests: dict[str, str]

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> "Needs":
        """Secrets that are among the manifests are not needed of the cluster."""
        known = list(manifests)
        own = {manifest["metadata"]["name"] for manifest in known if manifest["kind"] == "Secret"}
        keys = {found for manifest in known for found in _secret_keys(manifest) if found.secret not in own}
        named = {name for manifest in known for name in _pull_secrets(manifest)} | set(_tls_secrets(known))
        return cls(
            kinds=tuple(sorted({(str(manifest["apiVersion"]), str(manifest["kind"])) for manifest in known})),
            secret_keys=tuple(sorted(keys, key=lambda key: (key.secret, key.key))),
            secrets=tuple(sorted(named - own)),
            claims=tuple(_claim(manifest) for manifest in known if manifest["kind"] == "PersistentVolumeClaim"),
            ingress_class=_first(known, "Ingress", "ingressClassName"),
            gateway_class=_first(known, "Gateway", "gatewayClassName"),
            worker_requests=_worker_requests(known),
        )


def _nested(value: Any, key: str) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Every value of a key, however deep."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for item in value.values():
            yield from _nested(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _nested(item, key)


def _secret_keys(manifest: Manifest) -> Iterator[SecretKey]:
    for found in _nested(manifest, "secretKeyRef"):
        if not found.get("optional"):
            yield SecretKey(str(found["name"]), str(found["key"]))


def _pull_secrets(manifest: Manifest) -> Iterator[str]:
    for found in _nested(manifest, "imagePullSecrets"):
        yield from (str(secret["name"]) for secret in found)


def _tls_secrets(manifests: Iterable[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        if manifest["kind"] == "Gateway":
            for found in _nested(manifest, "certificateRefs"):
                yield from (str(secret["name"]) for secret in found)
        if manifest["kind"] == "Host":
            yield from (str(found["name"]) for found in _nested(manifest, "tlsSecret"))


def _claim(manifest: Manifest) -> Claim:
    spec = manifest["spec"]
    name = str(manifest["metadata"]["name"])
    return Claim(name, str(spec.get("storageClassName") or ""), tuple(spec.get("accessModes") or ()))


def _first(manifests: Iterable[Manifest], kind: str, key: str) -> str:
    return next((str(one["spec"].get(key) or "") for one in manifests if one["kind"] == kind), "")


def _worker_requests(manifests: Iterable[Manifest]) -> dict[str, str]:
    for manifest in manifests:
        if manifest["kind"] == "RayService":
            for group in manifest["spec"]["rayClusterConfig"].get("workerGroupSpecs") or []:
                resources = group["template"]["spec"]["containers"][0].get("resources") or {}
                return {str(name): str(amount) for name, amount in (resources.get("requests") or {}).items()}
    return {}
