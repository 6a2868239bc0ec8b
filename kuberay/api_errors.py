"""What Kubernetes' answers of 400 and above mean."""

import json
from typing import Any, Final

from kuberay.errors import Conflict, DeployError, Invalid, MissingKind, NotAllowed, NotFound, NotSignedIn, Unreachable

WHO: Final = "Sign in again; on EKS `aws sts get-caller-identity` says who you are there."
KUBERAY: Final = (
    "Install KubeRay: helm install kuberay-operator kuberay/kuberay-operator --version 1.7.0 "
    "--namespace kuberay-system --create-namespace"
)


def error_of(status: int, body: bytes, path: str) -> DeployError:
    """The error of an answer; ``path`` is what was asked for."""
    told = _told(body)
    message = str(told.get("message") or f"The cluster answers {status}.")
    if status == 401:
        return NotSignedIn("The cluster does not know you (401).", WHO)
    if status == 403:
        return NotAllowed(f"That is not yours to do: {message}", "Ask who runs the cluster for a Role that holds it.")
    if status == 404:
        return _not_found(told, message, path)
    if status == 429 or status >= 500:
        return Unreachable(f"The cluster cannot answer now ({status}): {message}", "Try again in a moment.")
    return _refused(status, message)


def _refused(status: int, message: str) -> DeployError:
    if status == 409:
        return Conflict(message, "Someone else changes the same object; try again.")
    kind = Invalid if status == 422 else DeployError
    return kind(f"The cluster refuses ({status}): {message}")


def _not_found(told: dict[str, Any], message: str, path: str) -> DeployError:
    """An object that is not there has a name; a kind that is not has none."""
    if (told.get("details") or {}).get("name"):
        return NotFound(message)
    group = path.split("/")[2] if path.startswith("/apis/") else "its core"
    return MissingKind(f"The cluster knows no {group}.", KUBERAY if group == "ray.io" else "")


def _told(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
