"""The log of the real service: JSON in every line, and the id of a request in whatever was written for it."""

import json
import secrets
import time
from typing import Any

import httpx
import pytest

from tests.e2e.images import JPEG, URL, random_jpeg
from tests.service import Service

pytestmark = pytest.mark.e2e


def lines(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log.read_text().splitlines()]


def lines_of(service: Service, request_id: str, count: int) -> list[dict[str, Any]]:
    """As many lines of a request, once they are there."""
    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at:
        found = [line for line in lines(service) if line.get("request_id") == request_id]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {count} lines of {request_id}")


def test_every_line_is_json(service: Service, client: httpx.Client):
    assert client.get("/api/health/ready").status_code == 200
    found = lines(service)
    assert any(line["event"] == "model_ready" for line in found)
    assert all({"timestamp", "level", "logger", "event"} <= set(line) for line in found)


def test_a_failed_request_is_found_by_its_id(service: Service, client: httpx.Client):
    """A deadline that nothing can keep, under a trace."""
    trace = secrets.token_hex(16)
    headers = {"X-Request-Timeout": "0.001", "traceparent": f"00-{trace}-00f067aa0ba902b7-00"}
    response = client.post(URL, content=random_jpeg(9300), headers=JPEG | headers)
    assert response.status_code == 504
    (line,) = lines_of(service, response.headers["X-Request-Id"], 1)
    assert (line["event"], line["status"], line["path"]) == ("request_failed", 504, URL)
    assert line["code"] == response.json()["code"]
    assert line["trace_id"] == trace


def test_a_refused_sign_in_is_told_once_and_names_nobody(service: Service, client: httpx.Client):
    wrong = {"username": "lena", "password": "twelve silent harbours"}
    response = client.post("/auth/token/login/", json=wrong, headers={"X-Request-Id": "refused-1"})
    assert response.status_code == 400
    (line,) = lines_of(service, "refused-1", 1)
    assert (line["event"], line["account_id"]) == ("sign_in_refused", None)
    assert "lena" not in service.log.read_text()


def test_an_ill_formed_id_is_replaced(client: httpx.Client):
    response = client.post(URL, content=b"", headers=[(b"x-request-id", b"\xff no id")])
    assert response.status_code == 400
    assert response.headers["X-Request-Id"] == response.json()["request_id"]
    assert len(response.json()["request_id"]) == 36
