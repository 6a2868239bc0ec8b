"""Users of the real service: history, secrets, and sign-ins under load."""

import os
import sqlite3
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.accounts import PASSWORD, create_token, credentials, register_account
from tests.e2e.images import CAT
from tests.service import Service

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    return create_token(service, "corey")


def test_the_secret_endpoint_requires_a_token(client: httpx.Client, token: str):
    assert client.get("/secret").status_code == 401
    response = client.get("/secret", headers={"Authorization": f"Token {token}"})
    assert response.json() == "Hi corey"


def test_only_the_user_sees_their_history(service: Service, client: httpx.Client, token: str):
    own = {"Authorization": f"Bearer {token}"}
    created = client.post("/api/v1/classifications", content=CAT.read_bytes(), headers=own).json()["id"]
    (item,) = [
        item for item in client.get("/api/v1/classifications", headers=own).json()["items"] if item["id"] == created
    ]
    assert item["predictions"][0]["rank"] == 1
    others = {"Authorization": f"Token {create_token(service, 'dora')}"}
    assert client.get("/api/v1/classifications", headers=others).json()["items"] == []
    assert client.get(f"/api/v1/classifications/{created}", headers=others).status_code == 404
    assert client.get(f"/api/v1/classifications/{created}").status_code == 404
    assert client.delete(f"/api/v1/classifications/{created}", headers=own).status_code == 204
    assert client.get(f"/api/v1/classifications/{created}", headers=own).status_code == 404


def test_logs_and_database_hold_no_secrets(service: Service):
    """Passwords, session cookies, tokens and API keys are nowhere on the disk in plain text."""
    secrets = [PASSWORD, create_token(service, "grace")]
    headers = {"X-Requested-With": "raylens", "Origin": service.url}
    with httpx.Client(base_url=service.url, headers=headers, timeout=30) as browser:
        wrong = browser.post("/api/v1/session", json={"username": "grace", "password": "a wrong one, though long"})
        assert wrong.status_code == 400
        secrets.append("a wrong one, though long")
        signed_in = browser.post("/api/v1/session", json=credentials("grace"))
        secrets += signed_in.cookies.values()
        key = browser.post(
            "/api/v1/account/keys", json={"name": "camera", "scopes": ["classify"], "expires_in_days": 7}
        )
        assert key.status_code == 201, key.text
        secrets.append(key.json()["key"])
        invalid = {"Authorization": f"Bearer {secrets[-1]}x"}
        assert browser.get("/api/v1/labels", headers=invalid).status_code in {200, 401}
    assert len(secrets) == 6, "two cookies: of the session and of the browser"
    files = files_written_by(service)
    assert any(file.name == "raylens.db" for file in files)
    assert any("serve" in file.parts for file in files), "the logs of Ray Serve are included"
    assert [file for file in files if any(secret.encode() in file.read_bytes() for secret in secrets)] == []


def files_written_by(service: Service) -> list[Path]:
    """All files of the data folder, the log of the service, and the logs of its Ray."""
    with sqlite3.connect(service.folder / "data" / "raylens.db") as database:
        database.execute("PRAGMA wal_checkpoint(FULL)")
    database.close()
    logs = {
        Path(file.path).parent
        for process in service.processes()
        for file in process.open_files()
        if "/session_" in file.path and "/logs" in file.path
    }
    assert logs
    roots = [service.folder / "data", *logs]
    files = {path for root in roots for path in root.rglob("*") if path.is_file() and "artifacts" not in path.parts}
    return [service.log, *(path for path in files if os.access(path, os.R_OK))]


def test_sign_ins_do_not_block_the_event_loop(service: Service):
    """20 concurrent clients sign in repeatedly. If that blocked the loop, a liveness check would take as long."""
    names = [register_account(service, f"crowd{number}") for number in range(4)]
    stop = threading.Event()

    def sign_in(number: int) -> list[float]:
        taken = []
        with httpx.Client(base_url=service.url, timeout=60) as client:
            while not stop.is_set():
                account = credentials(names[number % len(names)])
                started = time.perf_counter()
                assert client.post("/auth/token/login/", json=account).status_code == 200
                taken.append(time.perf_counter() - started)
        return taken

    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(sign_in, number) for number in range(20)]
        live = live_p90_s(service, 3.0)
        stop.set()
        sign_ins = [seconds for future in running for seconds in future.result()]
    assert len(sign_ins) > 20
    assert live < statistics.median(sign_ins) / 2


def live_p90_s(service: Service, duration_s: float) -> float:
    """The 90th percentile of sequential requests, in seconds."""
    taken = []
    until = time.monotonic() + duration_s
    with httpx.Client(base_url=service.url, timeout=30) as client:
        while time.monotonic() < until:
            started = time.perf_counter()
            assert client.get("/api/health/live").status_code == 200
            taken.append(time.perf_counter() - started)
            time.sleep(0.01)
    return statistics.quantiles(taken, n=10)[8]
