"""The API with a fake model, as in the tests of the ingress."""

from tests.ingress.conftest import factory, graph, plain_tracebacks

__all__ = ["factory", "graph", "plain_tracebacks"]
