"""Deletion with finalizers, and garbage collection of owned objects."""

from tests.kuberay.apiserver.store import Manifest, Store, now, owners


def delete(store: Store, manifest: Manifest) -> None:
    """Marks an object with finalizers; removes others, and what they own."""
    with store.lock:
        metadata = manifest["metadata"]
        if metadata.get("finalizers"):
            store.put({**manifest, "metadata": {"deletionTimestamp": now(), **metadata}})
        else:
            remove(store, manifest)


def remove(store: Store, manifest: Manifest) -> None:
    store.remove(manifest)
    uid = manifest["metadata"]["uid"]
    for dependent in store.owned_by(uid):
        if {owner["uid"] for owner in owners(dependent)} == {uid}:
            delete(store, dependent)
