"""The account and admin API conforms to its OpenAPI document for a signed-in user."""

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from tests.auth.user_factory import UserFactory
from tests.ingress.graph import Graph, prepare
from tests.ingress.test_openapi import CHECKS, SIGNED_IN_PREFIXES

SLOW = {"POST /api/v1/session", "POST /api/v1/account/password"}
"""Each request hashes a password."""


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    """Not started: no model and no Ray are needed."""
    graph = prepare(tmp_path)
    with patch.object(graph.app.router, "lifespan_context", nothing):
        yield graph


@asynccontextmanager
async def nothing(_app: object) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("examples", [5, pytest.param(50, marks=pytest.mark.chaos)])
def test_every_operation_conforms_to_its_description(graph: Graph, mode: GenerationMode, examples: int):
    document = schemathesis.openapi.from_dict(graph.app.openapi())
    document.app = graph.app
    factory = UserFactory(graph.gateway.engine, time.time)
    for result in document.get_all_operations():
        operation = result.ok() if isinstance(result, Ok) else None
        if operation and operation.path.startswith(SIGNED_IN_PREFIXES) and operation.label not in SLOW:
            with suppress(Unsatisfiable):  # operations without input have no invalid requests
                probe(operation, factory, mode, examples)


def probe(
    operation: APIOperation[Any, Any, Any, Any], factory: UserFactory, mode: GenerationMode, examples: int
) -> None:
    """A new admin per request: the previous one may have signed out or deleted the account."""
    numbers = itertools.count()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 100,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Case[Any]) -> None:
        admin = factory.add(f"{operation.label} {next(numbers)}", role="admin", password=None)
        headers = {"Authorization": f"Token {factory.issue(admin, 'token')}"}
        case.call_and_validate(checks=CHECKS, headers=headers)

    send()
