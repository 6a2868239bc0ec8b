"""A RayService with the status that KubeRay reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import yaml

from kuberay.kubernetes_api import Manifest

WORKER_GROUP: Final = "workers"
"""The chart's only worker group."""


@dataclass(frozen=True, slots=True)
class StatusCondition:
    """``status`` is True, False or Unknown; empty where KubeRay has not set it."""

    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def is_true(self) -> bool:
        return self.status == "True"


@dataclass(frozen=True, slots=True)
class ServeDeploymentState:
    """UPDATING, HEALTHY, UNHEALTHY, UPSCALING, DOWNSCALING, DEPLOY_FAILED."""

    name: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class ServeApplicationState:
    """NOT_STARTED, DEPLOYING, RUNNING, UNHEALTHY, DEPLOY_FAILED, DELETING."""

    name: str
    status: str
    message: str
    deployments: tuple[ServeDeploymentState, ...]

    @property
    def is_up(self) -> bool:
        """Running, and every deployment with all its replicas."""
        return self.status == "RUNNING" and all(deployment.status == "HEALTHY" for deployment in self.deployments)


@dataclass(frozen=True, slots=True)
class RayClusterState:
    """A RayCluster of the service. ``traffic_percent`` is set in incremental upgrades only.

    Available workers run. Ready workers also have a replica: KubeRay's readiness probe requests Serve's proxy, which
    Serve starts on no other node.
    """

    name: str
    state: str
    workers_desired: int
    workers_available: int
    workers_ready: int
    workers_min: int
    workers_max: int
    traffic_percent: int | None
    applications: tuple[ServeApplicationState, ...]


@dataclass(frozen=True, slots=True)
class RayService:
    """``expected`` are the applications of its Serve configuration."""

    name: str
    generation: int
    observed_generation: int
    suspend: bool
    endpoints: int
    expected: tuple[str, ...]
    conditions: Mapping[str, StatusCondition]
    active: RayClusterState | None
    pending: RayClusterState | None

    @classmethod
    def from_manifest(cls, manifest: Manifest) -> "RayService":
        """Missing fields are empty: a new object has no status."""
        metadata, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest.get("status") or {}
        return cls(
            name=str(metadata["name"]),
            generation=int(metadata.get("generation") or 0),
            observed_generation=int(status.get("observedGeneration") or 0),
            suspend=bool(spec.get("suspend")),
            endpoints=int(status.get("numServeEndpoints") or 0),
            expected=_application_names(str(spec.get("serveConfigV2") or "")),
            conditions={str(condition["type"]): _condition(condition) for condition in status.get("conditions") or []},
            active=_cluster(status.get("activeServiceStatus") or {}),
            pending=_cluster(status.get("pendingServiceStatus") or {}),
        )

    def condition(self, kind: str) -> StatusCondition:
        """Empty where it is not set."""
        return self.conditions.get(kind, StatusCondition())

    @property
    def clusters(self) -> tuple[RayClusterState, ...]:
        return tuple(cluster for cluster in (self.active, self.pending) if cluster)

    @property
    def newest(self) -> RayClusterState | None:
        """The cluster that is meant to serve."""
        return self.pending or self.active


@lru_cache(maxsize=8)
def _application_names(serve_config: str) -> tuple[str, ...]:
    try:
        document = yaml.safe_load(serve_config)
        return tuple(str(application["name"]) for application in document["applications"])
    except (yaml.YAMLError, KeyError, TypeError):
        return ()


def _condition(entry: Mapping[str, Any]) -> StatusCondition:
    return StatusCondition(*(str(entry.get(key) or "") for key in ("status", "reason", "message")))


def _cluster(entry: Mapping[str, Any]) -> RayClusterState | None:
    if not entry.get("rayClusterName"):
        return None
    status = entry.get("rayClusterStatus") or {}

    def workers(kind: str) -> int:
        return int(status.get(f"{kind}WorkerReplicas") or 0)

    return RayClusterState(
        name=str(entry["rayClusterName"]),
        state=str(status.get("state") or ""),
        workers_desired=workers("desired"),
        workers_available=workers("available"),
        workers_ready=workers("ready"),
        workers_min=workers("min"),
        workers_max=workers("max"),
        traffic_percent=entry.get("trafficRoutedPercent"),
        applications=tuple(
            _application(str(name), application or {})
            for name, application in sorted((entry.get("applicationStatuses") or {}).items())
        ),
    )


def _application(name: str, entry: Mapping[str, Any]) -> ServeApplicationState:
    deployments = tuple(
        ServeDeploymentState(str(key), str(one.get("status") or ""), str(one.get("message") or ""))
        for key, one in sorted((entry.get("serveDeploymentStatuses") or {}).items())
    )
    return ServeApplicationState(name, str(entry.get("status") or ""), str(entry.get("message") or ""), deployments)
