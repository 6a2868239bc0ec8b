"""The log of the real service: JSON lines, with the id of the request."""

import json
import secrets
import time
from typing import Any

import httpx
import pytest

from tests.e2e.images import JPEG, URL, random_jpeg
from tests.service import Service

pytestmark = pytest.mark.e2e


def log_lines(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log.read_text().splitlines()]


def lines_of_request(service: Service, request_id: str, count: int) -> list[dict[str, Any]]:
    """The log lines of a request, once there are at least ``count``."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [line for line in log_lines(service) if line.get("request_id") == request_id]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"fewer than {count} log lines for request {request_id}")


def test_every_line_is_json(service: Service, client: httpx.Client):
    assert client.get("/api/health/ready").status_code == 200
    found = log_lines(service)
    assert any(line["event"] == "model_ready" for line in found)
    assert all({"timestamp", "level", "logger", "event"} <= set(line) for line in found)


def test_a_failed_request_is_logged_with_its_id_and_trace(service: Service, client: httpx.Client):
    trace = secrets.token_hex(16)
    headers = {"X-Request-Timeout": "0.001", "traceparent": f"00-{trace}-00f067aa0ba902b7-00"}
    response = client.post(URL, content=random_jpeg(9300), headers=JPEG | headers)
    assert response.status_code == 504
    (line,) = lines_of_request(service, response.headers["X-Request-Id"], 1)
    assert (line["event"], line["status"], line["path"]) == ("request_failed", 504, URL)
    assert line["code"] == response.json()["code"]
    assert line["trace_id"] == trace


def test_a_failed_sign_in_is_logged_once_without_the_username(service: Service, client: httpx.Client):
    wrong = {"username": "lena", "password": "twelve silent harbours"}
    response = client.post("/auth/token/login/", json=wrong, headers={"X-Request-Id": "refused-1"})
    assert response.status_code == 400
    (line,) = lines_of_request(service, "refused-1", 1)
    assert (line["event"], line["account_id"]) == ("sign_in_refused", None)
    assert "lena" not in service.log.read_text()


def test_an_invalid_request_id_is_replaced(client: httpx.Client):
    response = client.post(URL, content=b"", headers=[(b"x-request-id", b"\xff no id")])
    assert response.status_code == 400
    assert response.headers["X-Request-Id"] == response.json()["request_id"]
    assert len(response.json()["request_id"]) == 36
