"""The objects, and the history of their changes that watches are told from."""

import builtins
import datetime
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.kuberay.apiserver.resources import Resource, Resources

Manifest = dict[str, Any]
Place = tuple[str, str]
"""Group and plural: every version of a kind shares its objects."""
Wanted = Callable[[Manifest], bool]
"""Looks at an object, and changes nothing."""


@dataclass(frozen=True)
class Change:
    """What a watch tells."""

    revision: int
    type: str
    place: Place
    object: Manifest
    before: Manifest | None


def copied(value: Any) -> Any:
    """A deep copy of JSON; several times as fast as ``copy.deepcopy``."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


class Store:
    """Keeps copies, and gives out copies. Who reads and then writes holds ``lock`` over both."""

    def __init__(self, resources: Resources) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.resources = resources
        self.revision = 1
        self.oldest = 1
        self._objects: dict[Place, dict[tuple[str, str], Manifest]] = {}
        self._history: list[Change] = []

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """An object as it is now; ``namespace`` is empty for what has none."""
        return self.read(self.resources.of_kind(kind), namespace, name)

    def list(self, kind: str, namespace: str = "", wanted: Wanted | None = None) -> "builtins.list[Manifest]":
        """All of a kind, by namespace and name; of every namespace unless one is given, and those that are wanted."""
        return self.read_all(self.resources.of_kind(kind), namespace, wanted)

    def put(self, manifest: Manifest) -> Manifest:
        """Create or replace an object, its status included, past all that the API checks; as controllers do here."""
        resource = self.resources.of_kind(manifest["kind"], manifest["apiVersion"])
        with self.lock:
            wanted = copied(manifest)
            if resource.namespaced:
                wanted["metadata"].setdefault("namespace", "default")
            before = self.read(resource, wanted["metadata"].get("namespace", ""), wanted["metadata"]["name"])
            stamp(resource, wanted, before)
            wanted["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"] if before else ""
            return before if before and before == wanted else self.write(resource, wanted)

    def read(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        with self.lock:
            found = self._shelf(resource).get((namespace if resource.namespaced else "", name))
            return None if found is None else _as(resource, found)

    def read_all(
        self, resource: Resource, namespace: str = "", wanted: Wanted | None = None
    ) -> "builtins.list[Manifest]":
        with self.lock:
            shelf = sorted(self._shelf(resource).items())
            found = (item for (where, _), item in shelf if namespace in {"", where})
            return [_as(resource, item) for item in found if wanted is None or wanted(item)]

    def owned_by(self, uid: str) -> "builtins.list[tuple[Resource, Manifest]]":
        """What names an object as an owner, with the first version of its kind."""
        return [
            (resource, _as(resource, item))
            for resource, item in self._everything()
            if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences") or ())
        ]

    def within(self, namespace: str) -> "builtins.list[tuple[Resource, Manifest]]":
        """What lies in a namespace."""
        found = ((row, item) for row, item in self._everything() if item["metadata"].get("namespace") == namespace)
        return [(resource, _as(resource, item)) for resource, item in found]

    def _everything(self) -> "builtins.list[tuple[Resource, Manifest]]":
        """Each object once, not a copy of it."""
        first = {_place(resource): resource for resource in reversed([*self.resources])}
        with self.lock:
            shelves = [(first[place], shelf) for place, shelf in self._objects.items() if place in first]
            return [(resource, item) for resource, shelf in shelves for item in shelf.values()]

    def write(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Put an object in the place of what it was; returns it with its new resource version."""
        with self.changed:
            self.revision += 1
            kept = copied(manifest)
            kept["metadata"]["resourceVersion"] = str(self.revision)
            key = (kept["metadata"].get("namespace", ""), kept["metadata"]["name"])
            shelf = self._shelf(resource)
            before = shelf.get(key)
            shelf[key] = kept
            self._tell("MODIFIED" if before else "ADDED", resource, kept, before)
            return _as(resource, kept)

    def remove(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        with self.changed:
            gone = self._shelf(resource).pop((namespace if resource.namespaced else "", name), None)
            if gone is None:
                return None
            self.revision += 1
            last = copied(gone)
            last["metadata"]["resourceVersion"] = str(self.revision)
            self._tell("DELETED", resource, last, gone)
            return _as(resource, last)

    def since(self, resource: Resource, revision: int) -> "builtins.list[Change]":
        """What happened to a kind after a revision."""
        with self.lock:
            place = _place(resource)
            later: builtins.list[Change] = []
            for change in reversed(self._history):
                if change.revision <= revision:
                    break
                if change.place == place:
                    later.append(change)
            return later[::-1]

    def compact(self) -> None:
        """Forget the history: whoever watches or turns pages is told so, by a 410."""
        with self.changed:
            self.revision += 1
            self.oldest = self.revision
            self._history.clear()
            self.changed.notify_all()

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Until something that a change brings about is so."""
        with self.changed:
            return self.changed.wait_for(predicate, timeout_s)

    def _shelf(self, resource: Resource) -> dict[tuple[str, str], Manifest]:
        return self._objects.setdefault(_place(resource), {})

    def _tell(self, kind: str, resource: Resource, manifest: Manifest, before: Manifest | None) -> None:
        self._history.append(Change(self.revision, kind, _place(resource), manifest, before))
        self.changed.notify_all()


def stamp(resource: Resource, manifest: Manifest, before: Manifest | None) -> None:
    """Set what the server alone sets: who the object is, and how often its wish was changed."""
    metadata = manifest["metadata"]
    known = before["metadata"] if before else {}
    metadata["uid"] = known.get("uid") or str(uuid.uuid4())
    metadata["creationTimestamp"] = known.get("creationTimestamp") or now()
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(name, None)
        if name in known:
            metadata[name] = known[name]
    if resource.counts_generations:
        changed = before is not None and _wish(manifest) != _wish(before)
        metadata["generation"] = known.get("generation", 1) + changed


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wish(manifest: Manifest) -> Manifest:
    return {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind", "metadata", "status"}}


def _place(resource: Resource) -> Place:
    return resource.group, resource.plural


def _as(resource: Resource, manifest: Manifest) -> Manifest:
    """A copy, in the version that was asked for."""
    again: Manifest = copied({**manifest, "apiVersion": resource.api_version, "kind": resource.kind})
    return again
