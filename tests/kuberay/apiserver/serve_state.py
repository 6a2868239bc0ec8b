"""Ray Serve inside the clusters: what its dashboard tells KubeRay of applications and deployments."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.kuberay.apiserver.store import Manifest

STAGES = ("NOT_STARTED", "DEPLOYING", "RUNNING")


@dataclass
class Serving:
    """Of one cluster: the configuration that was sent last, and how far it has come."""

    config: str = ""
    stage: int = 0
    nodes: list[str] = field(default_factory=list)
    """Pods with replicas, and so with a proxy."""


@dataclass
class ServeState:
    """Of all clusters, by name. What a test sets holds for whatever is deployed from then on."""

    deploy_failure: str = ""
    """The message of an application that cannot be deployed."""
    unhealthy: dict[str, str] = field(default_factory=dict)
    """Messages by deployment, of those that fail their health checks."""
    workers_with_replicas: int = 2
    """All replicas fit on so many workers; others have no proxy."""
    stuck: bool = False
    """Applications stay DEPLOYING."""
    _servings: dict[str, Serving] = field(default_factory=dict)

    def send(self, cluster: str, config: str) -> None:
        """As KubeRay does again and again: the same configuration changes nothing."""
        serving = self._servings.setdefault(cluster, Serving())
        if serving.config != config:
            self._servings[cluster] = Serving(config, 1 if serving.config else 0, serving.nodes)
        elif not (self.stuck and serving.stage == 1):
            serving.stage = min(serving.stage + 1, len(STAGES) - 1)

    def place(self, cluster: str, workers: list[str]) -> None:
        """Put replicas on the workers that run, once they are deployed; those that have some keep them."""
        serving = self._servings.get(cluster, Serving())
        if serving.stage:
            kept = [name for name in serving.nodes if name in workers]
            added = [name for name in workers if name not in kept]
            serving.nodes = [*kept, *added][: self.workers_with_replicas]

    def has_proxy(self, cluster: str, worker: str) -> bool:
        return worker in self._servings.get(cluster, Serving()).nodes

    def applications(self, cluster: str) -> dict[str, Any]:
        """``applicationStatuses`` of a cluster."""
        serving = self._servings[cluster]
        listed = (yaml.safe_load(serving.config) or {}).get("applications") or []
        return {application.get("name", "default"): self._application(application, serving) for application in listed}

    def _application(self, application: Manifest, serving: Serving) -> dict[str, Any]:
        status, message = STAGES[serving.stage], ""
        if self.deploy_failure and serving.stage:
            status, message = "DEPLOY_FAILED", self.deploy_failure
        elif self.unhealthy and status == "RUNNING":
            status = "UNHEALTHY"
        deployments: dict[str, Any] = {}
        if serving.stage and not self.deploy_failure:
            for one in application.get("deployments") or []:
                deployments[one["name"]] = self._deployment(one["name"], running=serving.stage == len(STAGES) - 1)
        told = {"status": status, "message": message, "serveDeploymentStatuses": deployments}
        return {key: value for key, value in told.items() if value}

    def _deployment(self, name: str, *, running: bool) -> dict[str, str]:
        if running and name in self.unhealthy:
            return {"status": "UNHEALTHY", "message": self.unhealthy[name]}
        return {"status": "HEALTHY" if running else "UPDATING"}


def all_running(applications: dict[str, Any]) -> bool:
    """Whether KubeRay holds a cluster ready for traffic; it takes a cluster without applications for ready, too."""
    return all(application["status"] == "RUNNING" for application in applications.values())
