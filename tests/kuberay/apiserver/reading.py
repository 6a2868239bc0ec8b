"""Reading collections: lists in pages, and watches."""

import base64
import json
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

from tests.kuberay.apiserver import tables
from tests.kuberay.apiserver.refusal import Cause, Refused, bad_request, expired, invalid
from tests.kuberay.apiserver.request import Reply, Request
from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.selectors import by_fields, by_labels
from tests.kuberay.apiserver.store import Change, Manifest, Store
from tests.kuberay.apiserver.target import Target


class Selection:
    """What a request wants of a collection."""

    def __init__(self, target: Target, query: dict[str, str]) -> None:
        self._labels = by_labels(query.get("labelSelector", ""))
        self._fields = by_fields(query.get("fieldSelector", ""))
        self._namespace = target.namespace
        self._name = target.name

    def has(self, manifest: Manifest | None) -> bool:
        if manifest is None:
            return False
        metadata = manifest["metadata"]
        here = self._namespace in {"", metadata.get("namespace", "")} and self._name in {"", metadata["name"]}
        return here and self._labels(manifest) and self._fields(manifest)


def get_list(store: Store, target: Target, request: Request) -> Manifest:
    """A collection, or a page of it. Raises Refused: 400, 410 for a page after the history was forgotten."""
    query = request.query
    selection = Selection(target, query)
    with store.lock:
        revision, after = _continued(store, query.get("continue", ""))
        found = [item for item in store.read_all(target.resource, target.namespace) if selection.has(item)]
    rest = [item for item in found if _key(item) > after]
    limit = int(query.get("limit") or 0) or len(rest)
    page = rest[:limit]
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if len(rest) > limit:
        metadata["continue"] = base64.urlsafe_b64encode(json.dumps([revision, *_key(page[-1])]).encode()).decode()
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(rest) - limit
    resource = target.resource
    if tables.wanted(request.headers.get("Accept", "")):
        return tables.table(resource, page, metadata)
    kind = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
    return {**kind, "metadata": metadata, "items": [_in_list(resource, item) for item in page]}


def _continued(store: Store, token: str) -> tuple[int, tuple[str, str]]:
    if not token:
        return store.revision, ("", "")
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as fault:
        raise bad_request(f"continue key is not valid: {fault}") from fault
    if revision < store.oldest:
        raise Refused(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")
    return revision, (namespace, name)


def _key(item: Manifest) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _in_list(resource: Resource, item: Manifest) -> Manifest:
    """Items of Kubernetes' own kinds do not tell their kind again."""
    return item if resource.custom else {key: value for key, value in item.items() if key not in {"kind", "apiVersion"}}


def watch(store: Store, target: Target, request: Request, closing: Event) -> Reply:
    """A stream of changes, until its time is over or the server closes. Raises Refused."""
    query = request.query
    as_table = tables.wanted(request.headers.get("Accept", ""))
    initial = query.get("sendInitialEvents") == "true"
    if initial and query.get("resourceVersionMatch") != "NotOlderThan":
        cause = Cause(
            "FieldValueForbidden", "resourceVersionMatch", "Forbidden: must be NotOlderThan for sendInitialEvents"
        )
        raise invalid(target.resource, "", [cause])
    events = _events(store, target, query, closing, initial=initial)
    return Reply(stream=(_line(target.resource, kind, item, as_table=as_table) for kind, item in events))


def _line(resource: Resource, kind: str, item: Manifest, *, as_table: bool) -> bytes:
    if as_table and kind != "ERROR":
        item = tables.table(resource, [item] if kind != "BOOKMARK" else [], item["metadata"])
    return json.dumps({"type": kind, "object": item}, separators=(",", ":")).encode() + b"\n"


def _events(
    store: Store, target: Target, query: dict[str, str], closing: Event, *, initial: bool
) -> Iterator[tuple[str, Manifest]]:
    revision = int(query.get("resourceVersion") or 0)
    if initial or not revision:
        with store.lock:
            revision = store.revision
            present = store.read_all(target.resource, target.namespace)
        selection = Selection(target, query)
        yield from (("ADDED", item) for item in present if selection.has(item))
        if initial:
            yield "BOOKMARK", _bookmark(target.resource, revision, {"k8s.io/initial-events-end": "true"})
    elif revision < store.oldest:
        yield "ERROR", expired(revision, store.oldest).status()
        return
    yield from _changes(store, target, query, revision, closing)


def _changes(
    store: Store, target: Target, query: dict[str, str], revision: int, closing: Event
) -> Iterator[tuple[str, Manifest]]:
    resource, selection = target.resource, Selection(target, query)
    end = time.monotonic() + float(query.get("timeoutSeconds") or 1800)
    bookmarks = query.get("allowWatchBookmarks") == "true"
    while not closing.is_set() and (left := end - time.monotonic()) > 0:
        with store.changed:
            changes, forgotten = store.since(resource, revision), revision < store.oldest
            if not changes and not forgotten:
                store.changed.wait(min(left, 0.5))
                continue
        if forgotten:
            yield "ERROR", expired(revision, store.oldest).status()
            return
        for change in changes:
            revision = change.revision
            if told := _told(change, selection):
                yield told, {**change.object, "apiVersion": resource.api_version, "kind": resource.kind}
    if bookmarks and not closing.is_set():
        yield "BOOKMARK", _bookmark(resource, store.revision, {})


def _told(change: Change, selection: Selection) -> str:
    """A change as one sees it who selects: what no longer fits is gone, what begins to fit is new."""
    now, before = change.type != "DELETED" and selection.has(change.object), selection.has(change.before)
    if now:
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else ""


def _bookmark(resource: Resource, revision: int, annotations: dict[str, str]) -> Manifest:
    metadata: Manifest = {"resourceVersion": str(revision), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
