"""Translates error responses of the Kubernetes API."""

import json
from typing import Any, Final

from kuberay.errors import (
    ClusterAccessDenied,
    ClusterResourceNotFound,
    ClusterUnauthorized,
    ClusterUnreachable,
    DeployError,
    InvalidResource,
    KindNotInstalled,
    ResourceConflict,
)

SIGN_IN_HINT: Final = "Sign in again; on EKS `aws sts get-caller-identity` shows your identity."
INSTALL_KUBERAY: Final = (
    "Install KubeRay: helm install kuberay-operator kuberay/kuberay-operator --version 1.7.0 "
    "--namespace kuberay-system --create-namespace"
)


def api_error(status: int, body: bytes, path: str) -> DeployError:
    """The error for a response with a status of 400 or above to a request for ``path``."""
    decoded = _decoded(body)
    message = str(decoded.get("message") or f"HTTP status {status}")
    if status == 401:
        return ClusterUnauthorized("Authentication failed (401).", SIGN_IN_HINT)
    if status == 403:
        return ClusterAccessDenied(f"Permission denied: {message}", "Ask a cluster administrator for a Role.")
    if status == 404:
        return _not_found(decoded, message, path)
    if status == 409:
        return ResourceConflict(message, "Another client changes the same object; try again.")
    if status == 429 or status >= 500:
        return ClusterUnreachable(f"The API server is unavailable ({status}): {message}", "Try again in a moment.")
    kind = InvalidResource if status == 422 else DeployError
    return kind(f"The API server rejected the request ({status}): {message}")


def _not_found(decoded: dict[str, Any], message: str, path: str) -> DeployError:
    """The details name a missing object, but not a missing kind."""
    if (decoded.get("details") or {}).get("name"):
        return ClusterResourceNotFound(message)
    group = path.split("/")[2] if path.startswith("/apis/") else "core"
    return KindNotInstalled(f"The cluster lacks the API {group}.", INSTALL_KUBERAY if group == "ray.io" else "")


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(body)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
