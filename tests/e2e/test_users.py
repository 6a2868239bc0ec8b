"""People on the real service: what they keep secret stays so, and their signing in holds nobody else up."""

import os
import sqlite3
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.images import CAT
from tests.service import Service

pytestmark = pytest.mark.e2e

PASSWORD = "eleven quiet lighthouses"
WRITE = {"X-Requested-With": "raylens"}


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    return registered(service, "corey")


def registered(service: Service, name: str) -> str:
    account = {"username": name, "password": PASSWORD}
    assert httpx.post(f"{service.url}/auth/users/", json=account, timeout=30).status_code == 201
    response = httpx.post(f"{service.url}/auth/token/login/", json=account, timeout=30)
    assert response.status_code == 200, response.text
    return str(response.json()["auth_token"])


def test_the_originals_secret(client: httpx.Client, token: str):
    assert client.get("/secret").status_code == 401
    response = client.get("/secret", headers={"Authorization": f"Token {token}"})
    assert response.json() == "Hi corey"


def test_what_i_classify_is_in_my_history_and_nobody_elses(service: Service, client: httpx.Client, token: str):
    mine = {"Authorization": f"Bearer {token}"}
    made = client.post("/api/v1/classifications", content=CAT.read_bytes(), headers=mine).json()["id"]
    (item,) = [
        item for item in client.get("/api/v1/classifications", headers=mine).json()["items"] if item["id"] == made
    ]
    assert item["predictions"][0]["rank"] == 1
    others = {"Authorization": f"Token {registered(service, 'dora')}"}
    assert client.get("/api/v1/classifications", headers=others).json()["items"] == []
    assert client.get(f"/api/v1/classifications/{made}", headers=others).status_code == 404
    assert client.get(f"/api/v1/classifications/{made}").status_code == 404
    assert client.delete(f"/api/v1/classifications/{made}", headers=mine).status_code == 204
    assert client.get(f"/api/v1/classifications/{made}", headers=mine).status_code == 404


def test_no_secret_in_a_log_or_in_the_database(service: Service):
    """Everything that lets somebody in, and what is looked up to let them in, in clear nowhere on the disk."""
    told = [PASSWORD, registered(service, "grace")]
    origin = {"Origin": service.url}
    with httpx.Client(base_url=service.url, headers=WRITE | origin, timeout=30) as browser:
        wrong = browser.post("/api/v1/session", json={"username": "grace", "password": "a wrong one, though long"})
        assert wrong.status_code == 400
        told.append("a wrong one, though long")
        signed_in = browser.post("/api/v1/session", json={"username": "grace", "password": PASSWORD})
        told += signed_in.cookies.values()
        key = browser.post(
            "/api/v1/account/keys", json={"name": "camera", "scopes": ["classify"], "expires_in_days": 7}
        )
        assert key.status_code == 201, key.text
        told.append(key.json()["key"])
        assert browser.get("/api/v1/labels", headers={"Authorization": f"Bearer {told[-1]}x"}).status_code in {200, 401}
    assert len(told) == 5
    places = [*written_by(service)]
    assert any(place.name == "raylens.db" for place in places)
    assert any("serve" in place.parts for place in places), "Ray Serve's own logs are among them"
    found = [place for place in places if any(secret.encode() in place.read_bytes() for secret in told)]
    assert found == []


def written_by(service: Service) -> list[Path]:
    """Every file of the data folder, the service's log, and the logs of its Ray."""
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


def test_passwords_are_checked_beside_the_event_loop(service: Service):
    """20 sign-ins at once, again and again: who only asks whether the service is alive waits hardly longer."""
    for number in range(20):
        registered(service, f"crowd{number}")
    idle = p99_of_live(service, 3.0)
    stop = threading.Event()

    def sign_in(number: int) -> int:
        count = 0
        with httpx.Client(base_url=service.url, timeout=60) as client:
            while not stop.is_set():
                account = {"username": f"crowd{number}", "password": PASSWORD}
                assert client.post("/auth/token/login/", json=account).status_code == 200
                count += 1
        return count

    with ThreadPoolExecutor(20) as crowd:
        running = [crowd.submit(sign_in, number) for number in range(20)]
        time.sleep(1.0)
        busy = p99_of_live(service, 5.0)
        stop.set()
        logins = sum(future.result() for future in running)
    print(f"p99 of live: {idle * 1e3:.1f} ms idle, {busy * 1e3:.1f} ms under {logins} sign-ins")
    assert logins > 40
    assert busy - idle < 0.1


def p99_of_live(service: Service, seconds: float) -> float:
    """Seconds; one request after the other."""
    taken = []
    until = time.monotonic() + seconds
    with httpx.Client(base_url=service.url, timeout=30) as client:
        while time.monotonic() < until:
            started = time.perf_counter()
            assert client.get("/api/health/live").status_code == 200
            taken.append(time.perf_counter() - started)
            time.sleep(0.01)
    return statistics.quantiles(taken, n=100)[98]
