"""Host names of the service: pages of other sites cannot use it under their name."""

import base64
import hashlib
import re
import socket

import httpx
import pytest

from serve_app.ingress.hosts import AllowedHosts
from serve_app.settings import Settings
from tests.ingress.graph import Graph, until


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "GPU-box.lan")
    monkeypatch.setattr(socket, "getfqdn", lambda: "gpu-box.corp.example")


def status_of(header: str | bytes | None, hosts: AllowedHosts) -> int:
    value = header.encode() if isinstance(header, str) else header
    error = hosts.rejection([] if value is None else [(b"host", value)])
    return error.status if error else 200


def hosts_of(**settings: str) -> AllowedHosts:
    return AllowedHosts(Settings(_env_file=None, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "allowed", "refused"),
    [
        (
            {},
            "localhost:8000 LOCALHOST. app.localhost 127.0.0.1 10.0.0.7:80 [::1]:8000 [2001:db8::1] gpu-box raylens:80",
            "evil.example 127.0.0.1.evil.example localhost.evil.example evil.localhost.example xlocalhost.example "
            "gpu-box.lan gpu-box.local",
        ),
        (
            {"public_url": "https://Raylens.example.org:8443"},
            "raylens.example.org raylens.example.org:8443 RAYLENS.EXAMPLE.ORG. localhost:8000 127.0.0.1 10.0.0.7",
            "example.org evil.raylens.example.org raylens.example.org.evil.example raylens.example.com",
        ),
        ({"public_url": "https://bücher.example"}, "xn--bcher-kva.example", "bcher.example"),
        ({"public_url": "https://[2001:db8::1]"}, "[2001:db8:0::1]", "evil.example"),
        (
            {"allowed_hosts": "raylens.internal, *.Example.org,bücher.example"},
            "raylens.internal a.example.org a.b.example.org xn--bcher-kva.example",
            "example.org evilexample.org x.raylens.internal",
        ),
        ({"allowed_hosts": "*"}, "evil.example", ""),
        ({"host": "gpu.example.org"}, "gpu.example.org", "other.example.org"),
    ],
)
def test_known_and_unknown_hosts(settings: dict[str, str], allowed: str, refused: str) -> None:
    hosts = hosts_of(**settings)
    assert {header: status_of(header, hosts) for header in allowed.split()} == dict.fromkeys(allowed.split(), 200)
    assert {header: status_of(header, hosts) for header in refused.split()} == dict.fromkeys(refused.split(), 421)


@pytest.mark.usefixtures("machine")
async def test_names_of_the_machine_are_known_where_others_can_connect() -> None:
    hosts = hosts_of(host="0.0.0.0")
    await until(lambda: status_of("gpu-box.corp.example:8000", hosts) == 200)
    assert [status_of(name, hosts) for name in ("gpu-box.lan", "gpu-box.local", "evil.local")] == [200, 200, 421]
    assert status_of("gpu-box.lan", hosts_of(host="127.0.0.1")) == 421


@pytest.mark.parametrize(
    "header", [None, "", "a b", "user@localhost", b"b\xfccher.example", "localhost:x", "a" * 70_000]
)
def test_a_request_without_a_proper_host_is_invalid(header: str | bytes | None) -> None:
    assert status_of(header, hosts_of(allowed_hosts="*")) == 400


async def test_a_request_for_another_host_is_refused_with_a_reason(graph: Graph) -> None:
    for path in ("/", "/report", "/api/v1/models", "/auth/users/me/", "/oauth/authorize", "/none", "/top/"):
        response = await graph.client.get(path, headers={"Host": "Evil.example:8000"})
        assert (response.status_code, response.json()["code"]) == (421, "unknown_host")
        assert response.json()["detail"].startswith("evil.example is not a name of this service.")
        assert "RAYLENS_ALLOWED_HOSTS" in response.json()["detail"]
    response = await graph.client.post("/api/v1/classifications", content=b"x", headers={"Host": "evil.example"})
    assert response.status_code == 421


async def test_a_browser_gets_a_page_that_says_what_is_wrong(graph: Graph) -> None:
    browser = {"Host": "evil.example", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = await graph.client.get("/", headers=browser)
    assert (page.status_code, page.headers["content-type"]) == (421, "text/html; charset=utf-8")
    assert "evil.example is not a name of this service." in page.text
    [style] = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    assert (await graph.client.post("/", headers=browser)).headers["content-type"] == "application/problem+json"


async def test_two_hosts_are_refused(graph: Graph) -> None:
    headers = [("Host", "raylens.test"), ("Host", "evil.example")]
    response = await graph.client.get("/report", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


async def test_health_checks_may_name_any_host(graph: Graph) -> None:
    for path in ("/health", "/api/health", "/api/health/live", "/api/health/ready"):
        for host in ("10.1.2.3:8000", "evil.example", "not a host"):
            assert (await graph.client.get(path, headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("value", ["http://a.example", "a.example:80", "a.example/b", "a b", "*.", "a*", "*.*.a", "@"])
def test_invalid_names_are_reported(value: str) -> None:
    with pytest.raises(ValueError, match="write one like raylens"):
        hosts_of(allowed_hosts=value)


async def test_redirects_are_relative_and_never_repeat_a_post(graph: Graph) -> None:
    """Whatever the host, the scheme and the number of slashes."""
    paths = [route.path for route in graph.app.routes if hasattr(route, "path")]
    for path in {path.rstrip("/") for path in paths} - {""}:
        for url in (f"{path}/", f"{path}//", f"/{path}"):
            for method in ("GET", "POST", "PUT", "DELETE"):
                request = httpx.Request(method, f"http://raylens.test{url}")
                response = await graph.client.send(request)
                location = response.headers.get("location", "")
                assert "//" not in location, (method, url, location)
                assert method == "GET" or not response.is_redirect, (method, url)
