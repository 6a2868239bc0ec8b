"""The service conforms to its OpenAPI document: schemathesis sends valid and invalid requests to every operation."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckContext
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.ingress.graph import prepare
from tests.servers.process import free_port


def no_server_error(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """503 and 504 are documented responses, which schemathesis' own check would reject."""
    assert response.status_code not in {500, 501, 502}, response.text


SIGNED_IN_PREFIXES = ("/api/v1/session", "/api/v1/account", "/api/v1/admin")
"""Operations that test_openapi_users tests thoroughly, with a user. Here they only reject anonymous clients."""

CHECKS = [
    no_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Real HTTP on a separate thread: schemathesis has no event loop to share with the application."""
    graph = prepare(tmp_path_factory.mktemp("graph"))
    graph.app.openapi()  # cached, because on a busy machine it takes longer than schemathesis waits
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(graph.app, port=port, log_level="error", ws="none"))
    with patch("serve_app.ingress.gateway.deployment_states", return_value={}):
        thread = threading.Thread(target=server.run)
        thread.start()
        deadline = time.monotonic() + 60
        while not (graph.gateway.models and server.started) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("examples", [6, pytest.param(50, marks=pytest.mark.chaos)])
def test_every_operation_conforms_to_its_description(url: str, mode: GenerationMode, examples: int) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) >= 12
    for operation in operations:
        few = examples < 50 and operation.path.startswith(SIGNED_IN_PREFIXES)
        if few and mode is GenerationMode.NEGATIVE and not operation.path.startswith("/api/v1/session"):
            continue  # 401, as for valid requests
        with suppress(Unsatisfiable):  # operations without input have no invalid requests
            probe(operation, mode, 1 if few else examples)


def probe(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, examples: int) -> None:
    """Send requests that the document allows (positive) or forbids (negative)."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 100,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS, timeout=20)

    send()
