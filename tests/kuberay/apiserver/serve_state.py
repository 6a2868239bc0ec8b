"""Ray Serve in the clusters: what its dashboard reports to KubeRay."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import yaml

STAGES: Final = ("NOT_STARTED", "DEPLOYING", "RUNNING")


@dataclass
class ServedCluster:
    config: str = ""
    stage: int = 0
    nodes: list[str] = field(default_factory=list)
    """Pods with replicas, and so with a proxy."""


@dataclass
class ServeState:
    """Of all clusters, by name. A test's settings apply to what is deployed later."""

    deploy_failure: str = ""
    """Message of an application that cannot be deployed."""
    workers_with_replicas: int = 2
    """All replicas fit on so many workers; others have no proxy."""
    _clusters: dict[str, ServedCluster] = field(default_factory=dict)

    def send(self, name: str, config: str) -> None:
        """KubeRay sends the configuration in every step; the same one changes nothing."""
        cluster = self._clusters.setdefault(name, ServedCluster())
        if cluster.config != config:
            self._clusters[name] = ServedCluster(config, 1 if cluster.config else 0, cluster.nodes)
        else:
            cluster.stage = min(cluster.stage + 1, len(STAGES) - 1)

    def place(self, name: str, workers: list[str]) -> None:
        """Put replicas on running workers once they are deployed; those with replicas keep them."""
        cluster = self._clusters.get(name, ServedCluster())
        if cluster.stage:
            kept = [worker for worker in cluster.nodes if worker in workers]
            added = [worker for worker in workers if worker not in kept]
            cluster.nodes = [*kept, *added][: self.workers_with_replicas]

    def has_proxy(self, name: str, worker: str) -> bool:
        return worker in self._clusters.get(name, ServedCluster()).nodes

    def applications(self, name: str) -> dict[str, Any]:
        """``applicationStatuses`` of a cluster."""
        cluster = self._clusters[name]
        listed = _parsed(cluster.config)["applications"]
        return {application["name"]: self._application(application, cluster.stage) for application in listed}

    def _application(self, application: dict[str, Any], stage: int) -> dict[str, Any]:
        if self.deploy_failure and stage:
            return {"status": "DEPLOY_FAILED", "message": self.deploy_failure}
        status = "HEALTHY" if STAGES[stage] == "RUNNING" else "UPDATING"
        deployments = {one["name"]: {"status": status} for one in application["deployments"]} if stage else {}
        return {"status": STAGES[stage], "serveDeploymentStatuses": deployments}


@cache
def _parsed(config: str) -> Any:
    return yaml.load(config, yaml.CSafeLoader)
