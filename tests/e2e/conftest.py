"""One real service for all of these tests: real Ray, real HAProxy, real weights."""

from collections.abc import Iterator

import httpx
import pytest

from tests.browser import browser, faults, page
from tests.service import Service

__all__ = ["browser", "faults", "page"]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("e2e"), RAYLENS_FETCH_ALLOWED_NETWORKS="127.0.0.0/8")
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client
