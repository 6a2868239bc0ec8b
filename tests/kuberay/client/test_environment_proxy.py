"""Proxies of the environment: as for kubectl."""

from pathlib import Path

import pytest
import yaml

from kuberay.errors import InvalidUsage
from kuberay.kubernetes_api import KubernetesApi
from kuberay.release_target import ReleaseTarget
from tests.kuberay.apiserver import ApiServer
from tests.servers.forward_proxy import VARIABLES, forwarding


def api(folder: Path, server: str, **cluster: str) -> KubernetesApi:
    file = folder / "config"
    named = {
        "clusters": [{"name": "c", "cluster": {"server": server} | cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "c"} | named))
    return KubernetesApi(ReleaseTarget("raylens", "", "", file))


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1", "ftp://p", "://", ""])
def test_an_api_server_on_this_machine_is_reached_directly(
    proxy: str, api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, proxy)
    assert api(tmp_path, api_server.url).items("/api/v1/namespaces/vision/pods") == []


def test_another_api_server_is_reached_through_the_proxy(
    api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = api_server.url.replace("127.0.0.1", "k8s.example")
    with forwarding({"k8s.example": "127.0.0.1"}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
        assert api(tmp_path, server).items("/api/v1/namespaces/vision/pods") == []
        monkeypatch.delenv("http_proxy")
        assert api(tmp_path, api_server.url, **{"proxy-url": proxy.url}).items("/api/v1/namespaces/vision/pods") == []
        assert proxy.targets == [f"GET {url}/api/v1/namespaces/vision/pods" for url in (server, api_server.url)]


def test_a_proxy_that_cannot_be_used_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy in ("ftp://proxy", "://", "http://proxy:port"):
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(InvalidUsage, match="proxy"):
            api(tmp_path, "https://k8s.example:6443")
    monkeypatch.setenv("no_proxy", "k8s.example")
    api(tmp_path, "https://k8s.example:6443")


def test_all_proxy_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "ftp://proxy")
    api(tmp_path, "https://k8s.example:6443")
