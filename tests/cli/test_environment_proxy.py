"""The environment's proxies: used for other machines as curl does, never for this one."""

import httpx
import pytest
import typer
from typer.testing import CliRunner

from auth.external.environment_proxy import UnusableProxy, environment_proxy
from serve_app.cli.address import Address
from serve_app.cli.status import status_command
from tests.cli.api import FakeApi, Reply
from tests.servers.forward_proxy import VARIABLES, forwarding

ODD = ["socks5://127.0.0.1:1", "ftp://proxy", "http://[::1", "http://proxy:port", "://", "http://"]

app = typer.Typer()
app.command()(status_command)


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def proxy_of(url: str) -> str | None:
    proxy = environment_proxy(httpx.URL(url))
    return str(proxy.url) if proxy else None


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://example.org", None),
        ({"http_proxy": "http://p:3128"}, "http://example.org:8000", "http://p:3128"),
        ({"http_proxy": "p:3128"}, "http://example.org", "http://p:3128"),
        ({"http_proxy": "http://p:3128"}, "https://example.org", None),
        ({"https_proxy": "http://p:3128"}, "https://example.org", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://example.org", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128", "https_proxy": "http://q:3128"}, "https://example.org", "http://q:3128"),
        ({"HTTPS_PROXY": "http://p:3128", "https_proxy": ""}, "https://example.org", None),
        ({"ALL_PROXY": "http://p:3128"}, "https://example.org", "http://p:3128"),
        ({"all_proxy": "http://p:3128", "http_proxy": "http://q:3128"}, "http://example.org", "http://q:3128"),
        ({"http_proxy": "socks5://p", "https_proxy": "http://p:3128"}, "https://example.org", "http://p:3128"),
    ],
)
def test_the_proxy_of_a_server(
    environment: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("*", "http://example.org", True),
        ("example.org", "http://example.org:8000", True),
        ("example.org:8000", "http://example.org:8000", True),
        ("example.org:9000", "http://example.org:8000", False),
        ("other.org, .example.org", "http://raylens.example.org", True),
        ("example.org", "http://raylens.Example.org", True),
        ("example.org", "http://badexample.org", False),
        ("10.0.0.0/8", "http://10.1.2.3:8000", True),
        ("10.0.0.0/8", "http://11.1.2.3:8000", False),
        ("10.1.2.3", "http://10.1.2.3", True),
        ("fd00::/8", "http://[fd00::1]:8000", True),
        ("[fd00::1]", "http://[fd00::1]:8000", True),
        (",,/,10.0.0.0/99", "http://10.1.2.3", False),
        ("", "http://10.1.2.3", False),
    ],
)
def test_no_proxy_excepts_hosts_domains_and_networks(
    no_proxy: str, url: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for proxy in ("http://p:3128", "socks5://p:3128"):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", no_proxy)
        if direct or proxy.startswith("http"):
            assert (proxy_of(url) is None) is direct


@pytest.mark.parametrize("value", ODD)
def test_a_proxy_that_cannot_be_used_is_one_clear_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", value)
    with pytest.raises(
        UnusableProxy, match=r"set https_proxy to an address like http://\S+, or add example.org to no_pro"
    ):
        environment_proxy(httpx.URL("https://example.org"))
    result = run("--server", "https://example.org")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("value", [*ODD, "", "http://127.0.0.1:1"])
def test_requests_to_this_machine_use_no_proxy(value: str, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "")
    ready = {"status": "ready", "parts": {"model": "ready"}}
    api.get |= {"/api/health/ready": Reply(200, ready), "/api/v1/pipeline": Reply(200, {})}
    for url in (api.url, api.url.replace("127.0.0.1", "localhost")):
        assert run("--server", url).exit_code == 0
    assert Address.parse("https://localhost:8443").client_options["proxy"] is None


def test_other_machines_are_reached_through_the_proxy(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.get |= {
        "/api/health/ready": Reply(200, {"status": "ready", "parts": {"model": "ready"}}),
        "/api/v1/pipeline": Reply(200, {}),
    }
    server = api.url.replace("127.0.0.1", "raylens.example")
    with forwarding({"raylens.example": "127.0.0.1"}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//ada:secret@"))
        assert run("--server", server).exit_code == 0
        assert f"GET {server}/api/health/ready" in proxy.targets
    result = run("--server", server)
    assert result.exit_code == 3
    assert f"No server answers at {server} through the proxy {proxy.url} (" in result.stderr
    assert "secret" not in result.stderr
