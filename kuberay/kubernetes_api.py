"""Kubernetes' API, in plain JSON: objects are dicts with the keys that ``kubectl get --output json`` shows."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, list_kube_config_contexts, load_incluster_config, load_kube_config

from kuberay.api_errors import error_of
from kuberay.errors import Unreachable, WrongUse
from kuberay.target import Target

Manifest = dict[str, Any]

TIMEOUT_S: Final = (5.0, 30.0)
"""To connect, and to answer."""

JSON_PATCH: Final = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the API."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content_type: str = ""


class KubernetesApi:
    """``namespace`` is the one of the target, the kubeconfig's context, or ``default``, in this order."""

    def __init__(self, target: Target) -> None:
        """Raises WrongUse where no kubeconfig leads to a cluster."""
        configuration = Configuration()
        known = _load(target, configuration)
        self.namespace = target.namespace or known or "default"
        configuration.retries = False
        self._client = ApiClient(configuration)

    def get(self, path: str, **query: str) -> Manifest:
        """Raises NotFound, NotAllowed, Unreachable …, like the other methods."""
        return self._json(Request("GET", path, query))

    def items(self, path: str, **query: str) -> list[Manifest]:
        """The objects of a list."""
        return list(self.get(path, **query).get("items") or [])

    def post(self, path: str, body: Manifest) -> Manifest:
        return self._json(Request("POST", path, body=body, content_type="application/json"))

    def json_patch(self, path: str, operations: Sequence[Manifest]) -> Manifest:
        """For lists, which a merge patch replaces. Raises Conflict, and Invalid where a ``test`` does not hold."""
        return self._json(Request("PATCH", path, body=list(operations), content_type=JSON_PATCH))

    def text(self, path: str, **query: str) -> str:
        """Of a log."""
        return self._send(Request("GET", path, query)).decode(errors="replace")

    def _json(self, request: Request) -> Manifest:
        body = self._send(request)
        try:
            decoded = json.loads(body)
        except ValueError:
            decoded = None
        if not isinstance(decoded, dict):
            raise Unreachable(
                f"The response to {request.path} is not that of a Kubernetes API server.",
                "Check the server in the kubeconfig, and any proxy in front of it.",
            )
        return decoded

    def _send(self, request: Request) -> bytes:
        headers = {"Accept": "application/json"}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        serialized = self._client.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query.items()),
            header_params=headers,
            body=request.body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*serialized, _request_timeout=TIMEOUT_S)
            body = bytes(response.read())
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(
                f"The cluster does not respond ({_first_line(error)}).",
                "Check whether `kubectl version` works; behind a VPN or a proxy, whether that is up.",
            ) from None
        if not 200 <= response.status < 300:
            raise error_of(response.status, body, request.path)
        return body


def _load(target: Target, configuration: Any) -> str:  # noqa: ANN401
    """Fill the configuration; the namespace that goes with it, or nothing."""
    # Of a plugin that fails the API tells by itself: it knows nobody then.
    logging.getLogger("kubernetes").setLevel(logging.CRITICAL)
    file = str(target.kubeconfig) if target.kubeconfig else os.environ.get("KUBECONFIG") or None
    if file is None and not target.context and "KUBERNETES_SERVICE_HOST" in os.environ:
        load_incluster_config(client_configuration=configuration)
        return ""
    try:
        load_kube_config(file, target.context or None, configuration, persist_config=False)
        contexts, active = list_kube_config_contexts(file)
    except (ConfigException, OSError, ValueError) as error:
        raise WrongUse(
            f"No cluster is known: {_first_line(error)}.",
            "Name a kubeconfig with --kubeconfig or KUBECONFIG, and one of its contexts with --context; "
            "`aws eks update-kubeconfig` writes one for EKS.",
        ) from None
    chosen = next((known for known in contexts if known["name"] == target.context), active)
    return str(chosen["context"].get("namespace") or "")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
