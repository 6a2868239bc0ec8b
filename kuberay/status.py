"""The state of a release as people and programs want to see it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from kuberay import paths
from kuberay.exit_codes import ExitCode
from kuberay.kubernetes_api import Manifest
from kuberay.observation import Observer, is_ready
from kuberay.pods import CLUSTER, COMPONENT, Trouble, troubles
from kuberay.ray_service import Cluster, RayService
from kuberay.readiness import Verdict, judge

EVENTS: Final = 8
"""The last of them."""


@dataclass(frozen=True, slots=True)
class Pod:
    """``trouble`` is what keeps it from running, if anything."""

    name: str
    component: str
    cluster: str
    phase: str
    is_ready: bool
    restarts: int
    node: str
    trouble: str


@dataclass(frozen=True, slots=True)
class Event:
    """Of the RayService, its clusters or its pods."""

    time: str
    type: str
    reason: str
    object: str
    message: str


@dataclass(frozen=True, slots=True)
class Status:
    """One look at everything."""

    release: str
    namespace: str
    service: RayService
    verdict: Verdict
    pods: tuple[Pod, ...]
    events: tuple[Event, ...]

    @classmethod
    def of(cls, observer: Observer) -> "Status":
        """Raises NotFound where there is no such release."""
        observer.service()
        manifest = observer.manifest() or {}
        service = RayService.of(manifest)
        pods = observer.pods(service.name)
        found = troubles(pods)
        events = observer.api.items(paths.core("events", observer.api.namespace))
        names = {service.name, *(pod["metadata"]["name"] for pod in pods), *(one.name for one in _clusters(service))}
        return cls(
            observer.release,
            observer.api.namespace,
            service,
            judge(service, found),
            tuple(_pod(pod, found) for pod in pods),
            tuple(last_events(events, names)),
        )

    @property
    def word(self) -> str:
        """ready, suspended, failing or not ready."""
        if self.verdict.is_suspended:
            return "suspended"
        if self.verdict.failure:
            return "failing"
        return "ready" if self.verdict.is_done else "not ready"

    @property
    def code(self) -> ExitCode:
        """How ``raylens status`` ends."""
        if self.verdict.failure:
            return self.verdict.failure.code
        return ExitCode.DONE if self.verdict.is_done else ExitCode.FAILED

    def as_json(self) -> dict[str, Any]:
        """The keys are part of what scripts rely on."""
        service = asdict(self.service)
        failure = None if self.verdict.is_suspended else self.verdict.failure
        return {
            "release": self.release,
            "namespace": self.namespace,
            "state": self.word,
            "waits_for": list(self.verdict.waits_for),
            "failure": {"code": failure.code.slug, "detail": failure.message} if failure else None,
            "service": service,
            "pods": [asdict(pod) for pod in self.pods],
            "events": [asdict(event) for event in self.events],
        }


def last_events(events: Iterable[Manifest], names: Iterable[str]) -> list[Event]:
    """Those of the named objects, the newest last."""
    wanted = set(names)
    mine = [event for event in events if (event.get("involvedObject") or {}).get("name") in wanted]
    return sorted(map(_event, mine), key=lambda event: event.time)[-EVENTS:]


def _event(told: Manifest) -> Event:
    about = told["involvedObject"]
    return Event(
        time=str(told.get("lastTimestamp") or told.get("eventTime") or told["metadata"].get("creationTimestamp") or ""),
        type=str(told.get("type") or ""),
        reason=str(told.get("reason") or ""),
        object=f"{about.get('kind', '')}/{about['name']}",
        message=str(told.get("message") or ""),
    )


def _clusters(service: RayService) -> list[Cluster]:
    return [cluster for cluster in (service.active, service.pending) if cluster]


def _pod(manifest: Manifest, found: Iterable[Trouble]) -> Pod:
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    labels = metadata.get("labels") or {}
    return Pod(
        name=str(metadata["name"]),
        component=str(labels.get(COMPONENT, "")),
        cluster=str(labels.get(CLUSTER, "")),
        phase=str(status.get("phase") or ""),
        is_ready=is_ready(manifest),
        restarts=sum(int(one.get("restartCount") or 0) for one in status.get("containerStatuses") or []),
        node=str((manifest.get("spec") or {}).get("nodeName") or ""),
        trouble=next((trouble.message for trouble in found if trouble.pod == metadata["name"]), ""),
    )
