"""What containers print."""

import time
from collections.abc import Iterator
from threading import Event

from tests.kuberay.apiserver.refusal import bad_request, not_found
from tests.kuberay.apiserver.request import Reply
from tests.kuberay.apiserver.store import Manifest, Store
from tests.kuberay.apiserver.target import Target

Key = tuple[str, str, str, bool]


class Logs:
    """Of every pod, by container; the one of before the last restart apart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._texts: dict[Key, str] = {}

    def write(self, namespace: str, pod: str, text: str, container: str, *, previous: bool) -> None:
        """Add to what a container has printed."""
        with self._store.changed:
            key = (namespace, pod, container, previous)
            self._texts[key] = self._texts.get(key, "") + text
            self._store.changed.notify_all()

    def reply(self, target: Target, query: dict[str, str], closing: Event) -> Reply:
        """Raises Refused, as for a container that has not begun."""
        pod = self._store.get("Pod", target.namespace, target.name)
        if pod is None:
            raise not_found(target.resource, target.name)
        container = _container(pod, query.get("container", ""))
        previous = query.get("previous") == "true"
        key = self._key(pod, container, previous=previous)
        if previous and key not in self._texts:
            raise bad_request(f'previous terminated container "{container}" in pod "{target.name}" not found')
        if not previous:
            _check_started(pod, container)
        if query.get("follow") == "true":
            return Reply(stream=self._followed(pod, key, closing), media_type="text/plain")
        text = self._texts.get(key, "")
        if tail := query.get("tailLines"):
            lines = text.splitlines(keepends=True)
            text = "".join(lines[len(lines) - min(int(tail), len(lines)) :])
        return Reply(text.encode(), media_type="text/plain")

    def _key(self, pod: Manifest, container: str, *, previous: bool) -> Key:
        where = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        named = (*where, container, previous)
        return named if named in self._texts else (*where, "", previous)

    def _followed(self, pod: Manifest, key: Key, closing: Event, patience_s: float = 60) -> Iterator[bytes]:
        """What there is and what comes, until the pod is through."""
        sent, end = 0, time.monotonic() + patience_s
        metadata = pod["metadata"]
        while not closing.is_set() and time.monotonic() < end:
            with self._store.changed:
                text = self._texts.get(key, "")
                now = self._store.get("Pod", metadata["namespace"], metadata["name"])
                over = now is None or now.get("status", {}).get("phase") in {"Succeeded", "Failed"}
                if sent == len(text) and not over:
                    self._store.changed.wait(0.5)
                    continue
            if sent < len(text):
                yield text[sent:].encode()
                sent = len(text)
            elif over:
                return


def _container(pod: Manifest, asked: str) -> str:
    names: list[str] = [container["name"] for container in pod["spec"]["containers"]]
    usual = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container", "")
    if asked and asked not in names:
        raise bad_request(f"container {asked} is not valid for pod {pod['metadata']['name']}")
    if asked or usual or len(names) == 1:
        return asked or usual or names[0]
    listed = " ".join(names)
    raise bad_request(
        f"a container name must be specified for pod {pod['metadata']['name']}, choose one of: [{listed}]"
    )


def _check_started(pod: Manifest, container: str) -> None:
    for status in pod.get("status", {}).get("containerStatuses", []):
        waiting = status.get("state", {}).get("waiting")
        if status["name"] == container and waiting:
            name = pod["metadata"]["name"]
            raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {waiting["reason"]}')
