"""The API with a fake model, as in the tests of the ingress."""

from tests.ingress.conftest import graph, people, plain_tracebacks

__all__ = ["graph", "people", "plain_tracebacks"]
