"""Events: what controllers tell about objects."""

import hashlib

from tests.kuberay.apiserver.store import Manifest, Store, now


def tell(store: Store, about: Manifest, reason: str, message: str, *, warning: bool = False) -> None:
    """Once more, where it was told before."""
    metadata = about["metadata"]
    namespace = metadata.get("namespace", "default")
    digest = hashlib.sha256(f"{metadata['uid']}{reason}{message}".encode()).hexdigest()[:16]
    name = f"{metadata['name']}.{digest}"
    before = store.get("Event", namespace, name)
    reference = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion") if key in metadata}
    store.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {"apiVersion": about["apiVersion"], "kind": about["kind"], **reference},
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message,
            "count": before["count"] + 1 if before else 1,
            "firstTimestamp": before["firstTimestamp"] if before else now(),
            "lastTimestamp": now(),
        }
    )
