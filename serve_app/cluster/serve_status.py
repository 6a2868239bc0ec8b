"""The state of the application and its replicas, as reported by Ray Serve."""

from dataclasses import dataclass
from typing import Any

from serve_app.cluster.ray_internals import application_details


@dataclass(frozen=True, slots=True)
class DeploymentState:
    status: str
    """HEALTHY, UPDATING, UNHEALTHY, …"""
    message: str
    """The reason if it is not healthy."""
    running: int
    """Running replicas."""
    starting: int
    """Starting replicas."""


@dataclass(frozen=True, slots=True)
class ApplicationState:
    status: str
    """RUNNING, DEPLOYING, DEPLOY_FAILED, UNHEALTHY, …"""
    message: str
    deployments: dict[str, DeploymentState]


def application_state(application: str) -> ApplicationState | None:
    """The state of an application, None if there is no such application. Blocks for one call to Serve's controller."""
    details = application_details(application)
    if details is None:
        return None
    return ApplicationState(
        str(details["status"].value),
        details["message"],
        {name: _deployment_state(deployment) for name, deployment in details["deployments"].items()},
    )


def deployment_states(application: str) -> dict[str, DeploymentState]:
    """The states by deployment; empty if there is no such application."""
    state = application_state(application)
    return state.deployments if state else {}


def _deployment_state(details: dict[str, Any]) -> DeploymentState:
    states = [str(replica["state"].value) for replica in details["replicas"]]
    return DeploymentState(
        str(details["status"].value), details["message"], states.count("RUNNING"), states.count("STARTING")
    )
