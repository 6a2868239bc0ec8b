"""One service for the tests that need no other: embedded database and cache, real weights."""

from collections.abc import Iterator

import pytest

from tests.browser import browser, faults, page
from tests.chaos.books import Books
from tests.service import Service

__all__ = ["browser", "faults", "page"]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("chaos"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def books(service: Service) -> Iterator[Books]:
    books = Books(service)
    yield books
    books.close()
