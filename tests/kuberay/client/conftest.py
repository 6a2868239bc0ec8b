from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kuberay.readiness import FAILURE_GRACE_S
from serve_app.settings import settings
from tests.kuberay.apiserver import ApiServer
from tests.kuberay.client.raylens import FastClock, Raylens
from tests.kuberay.programs import bundled


@pytest.fixture(autouse=True)
def isolated_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Commands configure logs and settings of their process, which is that of all tests here."""
    monkeypatch.setattr("serve_app.observability.logging.configure_logging", lambda _settings: None)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "RAYLENS_HELM"):
        monkeypatch.delenv(name, raising=False)
    yield
    settings.cache_clear()


@pytest.fixture
def raylens(api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Raylens:
    """With Helm 4, an operator that works while commands sleep, and short grace periods."""
    monkeypatch.setenv("RAYLENS_HELM", str(bundled("helm", 4)))
    for name in ("kuberay.clock.MonotonicClock", "kuberay.release.MonotonicClock"):
        monkeypatch.setattr(name, partial(FastClock, api_server))
    for code in FAILURE_GRACE_S:
        monkeypatch.setitem(FAILURE_GRACE_S, code, min(FAILURE_GRACE_S[code], 8.0))
    return Raylens(api_server, api_server.kubeconfig(tmp_path / "kubeconfig"))
