"""Watches: a stream of changes."""

import json
import time
from collections.abc import Iterator
from threading import Event

from tests.kuberay.apiserver.kinds import Kind
from tests.kuberay.apiserver.selectors import selects
from tests.kuberay.apiserver.store import Change, Manifest, Store


def watch(store: Store, kind: Kind, namespace: str, query: dict[str, str], closing: Event) -> Iterator[bytes]:
    """Until its timeout, or until the server closes."""
    initial = query.get("sendInitialEvents") == "true"
    revision = int(query.get("resourceVersion") or 0)
    if initial or not revision:
        with store.lock:
            revision, present = store.revision, store.list(kind.name, namespace)
        yield from (_line("ADDED", manifest) for manifest in present if selects(query, manifest))
        if initial:
            yield _bookmark(kind, revision)
    deadline = time.monotonic() + float(query.get("timeoutSeconds") or 1800)
    while not closing.is_set() and (left := deadline - time.monotonic()) > 0:
        with store.changed:
            changes = store.changes_since(kind, revision)
            if not changes:
                store.changed.wait(min(left, 0.5))
        for change in changes:
            revision = change.revision
            yield from _events(change, namespace, query)


def _events(change: Change, namespace: str, query: dict[str, str]) -> Iterator[bytes]:
    before, after = (
        one if one and namespace in {"", one["metadata"]["namespace"]} and selects(query, one) else None
        for one in (change.before, change.after)
    )
    if after:
        yield _line("MODIFIED" if before else "ADDED", after)
    elif before:
        metadata = {**before["metadata"], "resourceVersion": str(change.revision)}
        yield _line("DELETED", {**before, "metadata": metadata})


def _bookmark(kind: Kind, revision: int) -> bytes:
    metadata = {"resourceVersion": str(revision), "annotations": {"k8s.io/initial-events-end": "true"}}
    return _line("BOOKMARK", {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata})


def _line(kind: str, manifest: Manifest) -> bytes:
    return json.dumps({"type": kind, "object": manifest}, separators=(",", ":")).encode() + b"\n"
