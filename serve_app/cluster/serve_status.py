"""What Ray Serve says of the replicas."""

from dataclasses import dataclass
from typing import Any

from ray.serve.context import _get_global_client


@dataclass(frozen=True, slots=True)
class DeploymentState:
    status: str
    """HEALTHY, UPDATING, UNHEALTHY, …"""
    message: str
    """Why it is not healthy."""
    running: int
    starting: int


@dataclass(frozen=True, slots=True)
class ApplicationState:
    status: str
    """RUNNING, DEPLOYING, DEPLOY_FAILED, UNHEALTHY, …"""
    message: str
    deployments: dict[str, DeploymentState]


def application_state(application: str) -> ApplicationState | None:
    """As the Serve controller knows it; None where there is no such application. Blocks for a call to it.

    What ``serve.status()`` tells comes from the same call, but it parses every deployment's configuration: 35 ms of
    processor time instead of one.
    """
    client = _get_global_client()
    details = client.get_serve_details()["applications"].get(application) if client else None
    if details is None:
        return None
    return ApplicationState(
        str(details["status"].value),
        details["message"],
        {name: _deployment_state(deployment) for name, deployment in details["deployments"].items()},
    )


def deployment_states(application: str) -> dict[str, DeploymentState]:
    """By deployment; empty where there is no such application."""
    state = application_state(application)
    return state.deployments if state else {}


def _deployment_state(details: dict[str, Any]) -> DeploymentState:
    states = [str(replica["state"].value) for replica in details["replicas"]]
    return DeploymentState(
        str(details["status"].value), details["message"], states.count("RUNNING"), states.count("STARTING")
    )
