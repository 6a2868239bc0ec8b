"""The state of a release, for people and programs."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from kuberay.exit_codes import ExitCode
from kuberay.kubernetes_api import Manifest
from kuberay.pod_problems import CLUSTER_LABEL, COMPONENT_LABEL, PodProblem, pod_problems
from kuberay.ray_service import RayService
from kuberay.readiness import ReleaseReadiness, readiness_of
from kuberay.release_reader import ReleaseReader
from kuberay.resource_paths import core_path

EVENT_COUNT: Final = 8


@dataclass(frozen=True, slots=True)
class PodStatus:
    """``trouble`` is what keeps it from running, empty where nothing does."""

    name: str
    component: str
    cluster: str
    phase: str
    is_ready: bool
    restarts: int
    node: str
    trouble: str


@dataclass(frozen=True, slots=True)
class ReleaseEvent:
    """An event of the RayService, its clusters or its pods."""

    time: str
    type: str
    reason: str
    object: str
    message: str


@dataclass(frozen=True, slots=True)
class ReleaseStatus:
    release: str
    namespace: str
    service: RayService
    readiness: ReleaseReadiness
    pods: tuple[PodStatus, ...]
    events: tuple[ReleaseEvent, ...]

    @classmethod
    def read(cls, reader: ReleaseReader) -> "ReleaseStatus":
        """Raises ClusterResourceNotFound where there is no such release."""
        manifest = reader.required_manifest()
        service = RayService.from_manifest(manifest)
        pods = reader.pods(manifest)
        problems = pod_problems(pods)
        events = reader.api.items(core_path("events", reader.api.namespace))
        names = {service.name, *(pod["metadata"]["name"] for pod in pods), *(one.name for one in service.clusters)}
        return cls(
            reader.release,
            reader.api.namespace,
            service,
            readiness_of(service, problems),
            tuple(_pod_status(pod, problems) for pod in pods),
            tuple(_recent_events(events, names)),
        )

    @property
    def state(self) -> str:
        """ready, suspended, failing or not ready."""
        if self.readiness.is_suspended:
            return "suspended"
        if self.readiness.failure:
            return "failing"
        return "ready" if self.readiness.is_ready else "not ready"

    @property
    def code(self) -> ExitCode:
        if self.readiness.failure:
            return self.readiness.failure.code
        return ExitCode.DONE if self.readiness.is_ready else ExitCode.FAILED

    def as_json(self) -> dict[str, Any]:
        """Scripts may rely on the keys."""
        failure = None if self.readiness.is_suspended else self.readiness.failure
        return {
            "release": self.release,
            "namespace": self.namespace,
            "state": self.state,
            "waits_for": list(self.readiness.waits_for),
            "failure": {"code": failure.code.slug, "detail": failure.message} if failure else None,
            "service": asdict(self.service),
            "pods": [asdict(pod) for pod in self.pods],
            "events": [asdict(event) for event in self.events],
        }


def _recent_events(events: Iterable[Manifest], names: set[str]) -> list[ReleaseEvent]:
    """Those of the named objects, the newest last."""
    found = [event for event in events if (event.get("involvedObject") or {}).get("name") in names]
    return sorted(map(_event, found), key=lambda event: event.time)[-EVENT_COUNT:]


def _event(event: Manifest) -> ReleaseEvent:
    involved = event["involvedObject"]
    time = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    return ReleaseEvent(
        time=str(time or ""),
        type=str(event.get("type") or ""),
        reason=str(event.get("reason") or ""),
        object=f"{involved.get('kind', '')}/{involved['name']}",
        message=str(event.get("message") or ""),
    )


def _pod_status(pod: Manifest, problems: Iterable[PodProblem]) -> PodStatus:
    metadata, status = pod["metadata"], pod.get("status") or {}
    labels = metadata.get("labels") or {}
    conditions = {condition.get("type"): condition.get("status") for condition in status.get("conditions") or []}
    return PodStatus(
        name=str(metadata["name"]),
        component=str(labels.get(COMPONENT_LABEL, "")),
        cluster=str(labels.get(CLUSTER_LABEL, "")),
        phase=str(status.get("phase") or ""),
        is_ready=conditions.get("Ready") == "True",
        restarts=sum(int(one.get("restartCount") or 0) for one in status.get("containerStatuses") or []),
        node=str((pod.get("spec") or {}).get("nodeName") or ""),
        trouble=next((problem.message for problem in problems if problem.pod == metadata["name"]), ""),
    )
