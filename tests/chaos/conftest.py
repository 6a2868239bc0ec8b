"""A service for all tests that do not need their own: embedded database and cache, real weights."""

from collections.abc import Iterator

import pytest

from tests.browser import browser, browser_errors, page
from tests.chaos.record_checker import RecordChecker
from tests.service import Service

__all__ = ["browser", "browser_errors", "page"]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("chaos"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def records(service: Service) -> Iterator[RecordChecker]:
    checker = RecordChecker(service.folder / "data")
    yield checker
    checker.close()
