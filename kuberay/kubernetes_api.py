"""A client for the Kubernetes API in plain JSON: objects are dicts as ``kubectl get --output json`` shows them."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, list_kube_config_contexts, load_incluster_config, load_kube_config

from kuberay.api_errors import api_error
from kuberay.environment_proxy import use_proxy_like_kubectl
from kuberay.errors import ClusterUnreachable, InvalidUsage
from kuberay.release_target import ReleaseTarget

Manifest = dict[str, Any]

API_TIMEOUT_S: Final = (5.0, 30.0)
"""For the connection, and for the response."""

_CONTENT_TYPES: Final = {
    "POST": {"Content-Type": "application/json"},
    "PATCH": {"Content-Type": "application/json-patch+json"},
}


class KubernetesApi:
    """``namespace`` is that of the target, else of the kubeconfig's context, else ``default``.

    Methods raise ClusterUnreachable, ClusterAccessDenied, ClusterResourceNotFound and other DeployErrors.
    """

    def __init__(self, target: ReleaseTarget) -> None:
        """Raises InvalidUsage where no kubeconfig names a cluster."""
        configuration = Configuration()
        context_namespace = _load(target, configuration)
        self.namespace = target.namespace or context_namespace or "default"
        configuration.retries = False
        use_proxy_like_kubectl(configuration)
        self._client = _client(configuration)

    def get(self, path: str, **query: str) -> Manifest:
        return self._json("GET", path, query)

    def items(self, path: str, **query: str) -> list[Manifest]:
        """The objects of a list."""
        return list(self.get(path, **query).get("items") or [])

    def text(self, path: str, **query: str) -> str:
        return self._send("GET", path, query).decode(errors="replace")

    def post(self, path: str, body: Manifest) -> Manifest:
        return self._json("POST", path, {}, body)

    def json_patch(self, path: str, operations: Sequence[Manifest]) -> Manifest:
        """Raises ResourceConflict, and InvalidResource where a ``test`` operation fails."""
        return self._json("PATCH", path, {}, list(operations))

    def _json(self, method: str, path: str, query: Mapping[str, str], body: object = None) -> Manifest:
        content = self._send(method, path, query, body)
        try:
            decoded = json.loads(content)
        except ValueError:
            decoded = None
        if not isinstance(decoded, dict):
            raise ClusterUnreachable(
                f"The response to {path} is not that of a Kubernetes API server.",
                "Check the server in the kubeconfig, and any proxy in front of it.",
            )
        return decoded

    def _send(self, method: str, path: str, query: Mapping[str, str], body: object = None) -> bytes:
        headers = {"Accept": "application/json"} | _CONTENT_TYPES.get(method, {})
        serialized = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*serialized, _request_timeout=API_TIMEOUT_S)
            content = bytes(response.read())
        except urllib3.exceptions.HTTPError as error:
            raise ClusterUnreachable(
                f"The API server does not respond ({_first_line(error)}).",
                "Check whether `kubectl version` works, and whether your VPN or proxy is up.",
            ) from None
        if not 200 <= response.status < 300:
            raise api_error(response.status, content, path)
        return content


def _client(configuration: Any) -> ApiClient:  # noqa: ANN401 - of a library without types
    """Raises InvalidUsage where the proxy cannot be used."""
    try:
        return ApiClient(configuration)
    except (urllib3.exceptions.HTTPError, ValueError, ImportError):  # the last: a SOCKS proxy
        raise InvalidUsage(
            "The proxy of the cluster cannot be used.",
            "Set proxy-url in the kubeconfig or HTTPS_PROXY to an address like http://proxy.example.org:3128, or list "
            "the API server in NO_PROXY.",
        ) from None


def _load(target: ReleaseTarget, configuration: Any) -> str:  # noqa: ANN401 - of a library without types
    """Fill the configuration. Returns the context's namespace, empty where it has none."""
    # A failing credential plugin shows up as a 401 of the API server.
    logging.getLogger("kubernetes").setLevel(logging.CRITICAL)
    file = str(target.kubeconfig) if target.kubeconfig else os.environ.get("KUBECONFIG") or None
    if file is None and not target.context and "KUBERNETES_SERVICE_HOST" in os.environ:
        load_incluster_config(client_configuration=configuration)
        return ""
    try:
        load_kube_config(file, target.context or None, configuration, persist_config=False)
        contexts, active = list_kube_config_contexts(file)
    except (ConfigException, OSError, ValueError) as error:
        raise InvalidUsage(
            f"No kubeconfig names a cluster: {_first_line(error)}.",
            "Name a kubeconfig with --kubeconfig or KUBECONFIG, and one of its contexts with --context; "
            "`aws eks update-kubeconfig` writes one for EKS.",
        ) from None
    chosen = next((context for context in contexts if context["name"] == target.context), active)
    return str(chosen["context"].get("namespace") or "")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
