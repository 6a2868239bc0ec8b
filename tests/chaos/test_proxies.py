"""Proxies of the environment have no part in what happens inside of a service."""

from pathlib import Path

import httpx
import pytest

from serve_app.images.sample import sample
from tests.servers.forward_proxy import VARIABLES, ForwardProxy, forwarding
from tests.service import Service

pytestmark = pytest.mark.chaos


def classify(folder: Path, environment: dict[str, str]) -> None:
    """Start a service, classify with it and with its command line, and stop it."""
    service = Service(folder, None, **environment)
    try:
        service.start()
        with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
            assert client.post("/api/v1/classifications", content=sample("JPEG")).status_code == 201
        photo = folder / "photo.jpg"
        photo.write_bytes(sample("JPEG"))
        assert "photo.jpg" in service.run("classify", "--server", service.url, str(photo))
    finally:
        service.stop()


def test_no_internal_request_reaches_a_proxy(tmp_path: Path) -> None:
    with forwarding() as proxy:
        proxy.refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        classify(tmp_path, dict.fromkeys(VARIABLES, proxy.url) | {"no_proxy": "", "NO_PROXY": "example.org"})
        assert proxy.targets == []


def test_a_service_starts_with_proxies_that_cannot_be_used(tmp_path: Path) -> None:
    unused = ForwardProxy()
    unused.close()
    odd = ["socks5://127.0.0.1:1", "no address", unused.url, "", "ftp://[::1", "http://p:port", "://"]
    classify(tmp_path, dict(zip(VARIABLES, odd, strict=True)) | {"no_proxy": "", "no_grpc_proxy": "example.org"})
