from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.settings import settings
from tests.kuberay.apiserver import ApiServer
from tests.kuberay.client.raylens import FastClock, Raylens
from tests.kuberay.programs import bundled


@pytest.fixture(autouse=True)
def process_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A command sets up logs and settings of its process, and reads the person's home; here that is all tests'."""
    monkeypatch.setattr("serve_app.logs.configure_logging", lambda _settings: None)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "RAYLENS_HELM"):
        monkeypatch.delenv(name, raising=False)
    yield
    settings.cache_clear()


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting takes a hundredth of its time."""
    monkeypatch.setattr("kuberay.clock.Clock", FastClock)
    monkeypatch.setattr("kuberay.release.Clock", FastClock)


@pytest.fixture
def raylens(api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: None) -> Raylens:
    """With Helm 4, KubeRay's operator at work."""
    monkeypatch.setenv("RAYLENS_HELM", str(bundled("helm", 4)))
    api_server.run_operator()
    return Raylens(api_server, api_server.kubeconfig(tmp_path / "kubeconfig"))
