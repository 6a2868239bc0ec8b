"""A RayService as KubeRay tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from kuberay.kubernetes_api import Manifest

GROUP = "workers"
"""The chart's only group of workers."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``status`` is True, False or Unknown; empty where KubeRay has not set it."""

    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def is_true(self) -> bool:
        return self.status == "True"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Of Ray Serve: UPDATING, HEALTHY, UNHEALTHY, UPSCALING, DOWNSCALING, DEPLOY_FAILED."""

    name: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Application:
    """Of Ray Serve: NOT_STARTED, DEPLOYING, RUNNING, UNHEALTHY, DEPLOY_FAILED, DELETING."""

    name: str
    status: str
    message: str
    deployments: tuple[Deployment, ...]

    @property
    def is_up(self) -> bool:
        """Running, and every deployment with all its replicas."""
        return self.status == "RUNNING" and all(deployment.status == "HEALTHY" for deployment in self.deployments)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A RayCluster behind the service. ``traffic_percent`` is known in incremental upgrades only.

    Available workers run. Ready workers also have a replica: KubeRay's readiness probe asks Serve's proxy, which Serve
    starts on no other node.
    """

    name: str
    state: str
    workers_desired: int
    workers_available: int
    workers_ready: int
    workers_min: int
    workers_max: int
    traffic_percent: int | None
    applications: tuple[Application, ...]


@dataclass(frozen=True, slots=True)
class RayService:
    """``expected`` are the applications that its Serve configuration names."""

    name: str
    generation: int
    observed_generation: int
    suspend: bool
    endpoints: int
    expected: tuple[str, ...]
    conditions: Mapping[str, Condition]
    active: Cluster | None
    pending: Cluster | None

    @classmethod
    def of(cls, manifest: Manifest) -> "RayService":
        """What is not there yet is empty: a new object has no status."""
        metadata, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest.get("status") or {}
        return cls(
            name=str(metadata["name"]),
            generation=int(metadata.get("generation") or 0),
            observed_generation=int(status.get("observedGeneration") or 0),
            suspend=bool(spec.get("suspend")),
            endpoints=int(status.get("numServeEndpoints") or 0),
            expected=_applications_of(str(spec.get("serveConfigV2") or "")),
            conditions={str(told["type"]): _condition(told) for told in status.get("conditions") or []},
            active=_cluster(status.get("activeServiceStatus") or {}),
            pending=_cluster(status.get("pendingServiceStatus") or {}),
        )

    def condition(self, kind: str) -> Condition:
        """Empty where it is not set."""
        return self.conditions.get(kind, Condition())

    @property
    def newest(self) -> Cluster | None:
        """The cluster that is meant to serve."""
        return self.pending or self.active


def _applications_of(serve_config: str) -> tuple[str, ...]:
    try:
        document = yaml.safe_load(serve_config)
        return tuple(str(application["name"]) for application in document["applications"])
    except (yaml.YAMLError, KeyError, TypeError):
        return ()


def _condition(told: Mapping[str, Any]) -> Condition:
    return Condition(str(told.get("status") or ""), str(told.get("reason") or ""), str(told.get("message") or ""))


def _cluster(told: Mapping[str, Any]) -> Cluster | None:
    if not told.get("rayClusterName"):
        return None
    status = told.get("rayClusterStatus") or {}
    return Cluster(
        name=str(told["rayClusterName"]),
        state=str(status.get("state") or ""),
        workers_desired=int(status.get("desiredWorkerReplicas") or 0),
        workers_available=int(status.get("availableWorkerReplicas") or 0),
        workers_ready=int(status.get("readyWorkerReplicas") or 0),
        workers_min=int(status.get("minWorkerReplicas") or 0),
        workers_max=int(status.get("maxWorkerReplicas") or 0),
        traffic_percent=told.get("trafficRoutedPercent"),
        applications=tuple(
            _application(str(name), application or {})
            for name, application in sorted((told.get("applicationStatuses") or {}).items())
        ),
    )


def _application(name: str, told: Mapping[str, Any]) -> Application:
    deployments = tuple(
        Deployment(str(key), str(one.get("status") or ""), str(one.get("message") or ""))
        for key, one in sorted((told.get("serveDeploymentStatuses") or {}).items())
    )
    return Application(name, str(told.get("status") or ""), str(told.get("message") or ""), deployments)
