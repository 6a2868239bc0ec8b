"""Helm, and what it renders once for all tests."""

from collections.abc import Callable, Iterator

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import SETS, Helm, Manifest


@pytest.fixture(scope="session", params=[3, 4], ids=["helm3", "helm4"])
def each_helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Both major versions, one after the other."""
    return Helm(request.param, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The newer one."""
    return Helm(4, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> Callable[[str], list[Manifest]]:
    """The objects of a set of values, by its name in ``SETS``."""
    known: dict[str, list[Manifest]] = {}

    def render(name: str) -> list[Manifest]:
        if name not in known:
            known[name] = helm.template(SETS[name])
        return known[name]

    return render


@pytest.fixture(params=SETS)
def manifests(request: pytest.FixtureRequest, rendered: Callable[[str], list[Manifest]]) -> list[Manifest]:
    """The objects of every ingress mode with each file of values."""
    return rendered(request.param)


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    """A Kubernetes API server with the namespace ``vision``; a defect of it fails the test."""
    with ApiServer() as server:
        yield server
