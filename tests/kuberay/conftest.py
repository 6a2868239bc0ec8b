"""Helm, with the charts that it renders once for all tests, and the API server."""

from collections.abc import Callable, Iterator

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import SETS, Helm, Manifest


@pytest.fixture(scope="session", params=[3, 4], ids=["helm3", "helm4"])
def each_helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Both major versions."""
    return Helm(request.param, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The newer one."""
    return Helm(4, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> Callable[[str], list[Manifest]]:
    """The manifests for a set of values, by its name in ``SETS``."""
    return lambda name: helm.template(SETS[name])


@pytest.fixture(params=SETS)
def manifests(request: pytest.FixtureRequest, rendered: Callable[[str], list[Manifest]]) -> list[Manifest]:
    """The manifests of every ingress mode with each file of values."""
    return rendered(request.param)


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    """A Kubernetes API server with the namespace ``vision``; an error in it fails the test."""
    with ApiServer() as server:
        yield server
