"""Checks that the Secrets that the manifests reference exist, with the keys that pods need."""

from collections.abc import Iterator
from typing import Any

from kuberay.doctor.check import CheckContext, CheckResult, failed, ok
from kuberay.errors import ClusterResourceNotFound
from kuberay.kubernetes_api import Manifest
from kuberay.resource_paths import core_path


def secrets(context: CheckContext) -> Iterator[CheckResult]:
    """Only the names of the keys are kept."""
    for name, keys in sorted(required_secrets(context.manifests).items()):
        try:
            found = set(context.api.get(core_path("secrets", context.namespace, name)).get("data") or {})
        except ClusterResourceNotFound:
            command = f"kubectl --namespace {context.namespace} create secret generic {name} --from-env-file=…"
            yield failed("Secret", f"{name} does not exist", f"Create it: {command}")
            continue
        if missing := sorted(keys - found):
            yield failed("Secret", f"{name} lacks {', '.join(missing)}", "Each is a setting of docs/settings.md.")
        else:
            yield ok("Secret", f"{name} has {', '.join(sorted(keys)) or 'no required keys'}")


def required_secrets(manifests: tuple[Manifest, ...]) -> dict[str, set[str]]:
    """Name → required keys, except of Secrets that are among the manifests."""
    required: dict[str, set[str]] = {}
    for reference in _nested(manifests, "secretKeyRef"):
        if not reference.get("optional"):
            required.setdefault(str(reference["name"]), set()).add(str(reference["key"]))
    whole = [*_nested(manifests, "imagePullSecrets"), *_nested(manifests, "certificateRefs")]
    for reference in [one for listed in whole for one in listed] + list(_nested(manifests, "tlsSecret")):
        required.setdefault(str(reference["name"]), set())
    included = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "Secret"}
    return {name: keys for name, keys in required.items() if name not in included}


def _nested(value: Any, key: str) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Every value of a key at any depth."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for item in value.values():
            yield from _nested(item, key)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nested(item, key)
