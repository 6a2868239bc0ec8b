"""What Ray Serve says of the replicas."""

from dataclasses import dataclass

from ray import serve
from ray.serve.schema import ReplicaState


@dataclass(frozen=True, slots=True)
class DeploymentState:
    status: str
    """HEALTHY, UPDATING, UNHEALTHY, …"""
    running: int
    starting: int


def deployment_states(application: str) -> dict[str, DeploymentState]:
    """By deployment, as the Serve controller knows it. Blocks for a call to it."""
    status = serve.status().applications.get(application)
    if status is None:
        return {}
    return {
        name: DeploymentState(
            deployment.status.value,
            deployment.replica_states.get(ReplicaState.RUNNING, 0),
            deployment.replica_states.get(ReplicaState.STARTING, 0),
        )
        for name, deployment in status.deployments.items()
    }
