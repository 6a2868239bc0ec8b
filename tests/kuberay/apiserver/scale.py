"""The subresource ``scale``: the number of replicas as an object of its own, for kinds that count them."""

from typing import Any

from tests.kuberay.apiserver.patches import json_patched, merge_patched
from tests.kuberay.apiserver.store import Manifest


def shown(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    labels = manifest["spec"].get("selector", {}).get("matchLabels", {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": kept,
        "spec": {"replicas": manifest["spec"].get("replicas", 0)},
        "status": {
            "replicas": manifest.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def wanted(manifest: Manifest, method: str, form: str, body: Any) -> int:
    """The replicas that a PUT or a patch of the Scale asks for. Raises Refused."""
    if method == "PUT":
        asked: Manifest = body
    elif form == "application/json-patch+json":
        asked = json_patched(shown(manifest), body)
    else:
        asked = merge_patched(shown(manifest), body)
    replicas: int = asked["spec"].get("replicas", 0)
    return replicas
