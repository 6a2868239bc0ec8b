"""What the pods of a release write."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kuberay import paths
from kuberay.errors import DeployError, NotFound
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.observation import Observer
from kuberay.pod_log_source import Source
from kuberay.pods import COMPONENT

OPERATOR: Final = "app.kubernetes.io/name=kuberay-operator"


_CONTAINERS: Final = {
    Source.HEAD: ("head", "ray-head"),
    Source.WORKER: ("worker", "ray-worker"),
    Source.AUTOSCALER: ("head", "autoscaler"),
    Source.MIGRATION: ("migration", "migration"),
}
"""The component that the pods are labelled with, and the container."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one pod."""

    pod: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """``since_s``: no older, seconds. ``tail``: no more of the past than so many lines of each pod."""

    source: Source
    follow: bool = False
    previous: bool = False
    since_s: int | None = None
    tail: int = 200

    def query(self, container: str) -> dict[str, str]:
        """For Kubernetes' API."""
        query = {"tailLines": str(self.tail)}
        query |= {"container": container} if container else {}
        query |= {"follow": "true"} if self.follow else {}
        query |= {"previous": "true"} if self.previous else {}
        query |= {"sinceSeconds": str(self.since_s)} if self.since_s else {}
        return query


def lines(observer: Observer, wanted: Wanted) -> Iterator[Line]:
    """Pod by pod, or as they come from all while following. Raises NotFound where there is no such pod."""
    pods = _pods(observer, wanted.source)
    if not pods:
        raise NotFound(
            f"There is no pod of {wanted.source}.",
            "`raylens status --release` lists those that are there; a migration that succeeded leaves none."
            if wanted.source is not Source.OPERATOR
            else "Install KubeRay's operator, or see with `raylens doctor` where it is.",
        )
    container = _CONTAINERS.get(wanted.source, ("", ""))[1]
    if wanted.follow and len(pods) > 1:
        yield from _together(observer.api, pods, wanted, container)
    else:
        for pod in pods:
            yield from _of(observer.api, pod, wanted, container)


def _pods(observer: Observer, source: Source) -> list[Manifest]:
    if source is Source.OPERATOR:
        return observer.api.items(paths.core("pods"), labelSelector=OPERATOR)
    component = _CONTAINERS[source][0]
    manifest = observer.manifest()
    pods = observer.pods(manifest["metadata"]["name"] if manifest else observer.release)
    return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(COMPONENT) == component]


def _of(api: KubernetesApi, pod: Manifest, wanted: Wanted, container: str) -> Iterator[Line]:
    name, namespace = str(pod["metadata"]["name"]), str(pod["metadata"]["namespace"])
    for text in api.lines(paths.log(namespace, name), **wanted.query(container)):
        yield Line(name, text)


def _together(api: KubernetesApi, pods: Sequence[Manifest], wanted: Wanted, container: str) -> Iterator[Line]:
    """Each pod on a thread of its own, which ends with the process or with the pod."""
    arrived: queue.Queue[Line | DeployError | None] = queue.Queue()

    def read(pod: Manifest) -> None:
        end: DeployError | None = None
        try:
            for line in _of(api, pod, wanted, container):
                arrived.put(line)
        except DeployError as error:
            end = error
        finally:
            arrived.put(end)  # whatever happened: who waits for the pods would wait for ever

    for pod in pods:
        threading.Thread(target=read, args=(pod,), daemon=True).start()
    left = len(pods)
    while left:
        item = arrived.get()
        if isinstance(item, DeployError):
            raise item
        if item is None:
            left -= 1
        else:
            yield item
