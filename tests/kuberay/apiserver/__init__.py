"""A Kubernetes API server for tests: real HTTP, for real Helm, kubectl and Python's client."""

from tests.kuberay.apiserver.server import ApiServer

__all__ = ["ApiServer"]
