"""Credentials that are revoked on one ingress replica are rejected by all of them within five seconds."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.service import Service

pytestmark = pytest.mark.chaos
LIMIT_S = 5.0
TOLERANCE_S = 2.0
"""For the measurement itself, on a busy machine."""
PASSWORD = "three wet umbrellas by the door"
HEADERS = {"X-Requested-With": "raylens"}


def two_ingresses(application: dict[str, Any]) -> None:
    application["args"]["classifier"]["runtime"] = "fake"
    for deployment in application["deployments"]:
        deployment["ray_actor_options"]["num_cpus"] = 0.1
        if deployment["name"] == "Ingress":
            deployment["autoscaling_config"] |= {"min_replicas": 2, "max_replicas": 2}


@pytest.fixture(scope="module")
def replicated_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("revocation"), two_ingresses)
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def replicas(replicated_service: Service) -> list[str]:
    """The address of each ingress replica, without HAProxy."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ports = [port for process in replicated_service.replicas("Ingress") for port in http_ports(process)]
        if len(ports) == 2:
            return [f"http://127.0.0.1:{port}" for port in ports]
        time.sleep(0.5)
    raise AssertionError("there are no two ingress replicas")


def http_ports(process: psutil.Process) -> Iterator[int]:
    for connection in process.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN:
            try:
                response = httpx.get(f"http://127.0.0.1:{connection.laddr.port}/api/health/live", timeout=2)
            except httpx.HTTPError:
                continue
            if response.status_code == 200:
                yield connection.laddr.port


class User:
    """Registered and signed in, with a session cookie and a token that every replica has cached."""

    def __init__(self, name: str, replicas: list[str]) -> None:
        self.name = name
        self.replicas = replicas
        account = {"username": name, "password": PASSWORD}
        assert self.post("/auth/users/", account).status_code == 201
        self.token = self.post("/auth/token/login/", account).json()["auth_token"]
        self.authorization = {"Authorization": f"Token {self.token}"}
        response = self.post("/api/v1/session", account, HEADERS | {"Origin": replicas[0]})
        assert response.status_code == 201, response.text
        self.cookies = dict(response.cookies)
        assert self.token_statuses() == {200}
        assert self.session_users() == {name}

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        return httpx.post(self.replicas[0] + path, json=body, headers=headers, timeout=10)

    def token_statuses(self) -> set[int]:
        return {httpx.get(f"{url}/auth/users/me/", headers=self.authorization).status_code for url in self.replicas}

    def session_users(self) -> set[str | None]:
        users = [httpx.get(f"{url}/api/v1/session", cookies=self.cookies).json()["user"] for url in self.replicas]
        return {user and user["username"] for user in users}

    def sign_out(self) -> None:
        assert self.post("/auth/token/logout/", {}, self.authorization).status_code == 204
        headers = HEADERS | {"Origin": self.replicas[0]}
        response = httpx.delete(f"{self.replicas[0]}/api/v1/session", cookies=self.cookies, headers=headers)
        assert response.status_code == 204

    def change_password(self) -> None:
        """With a third sign-in, so that the cookie and the token are revoked."""
        account = {"username": self.name, "password": PASSWORD}
        token = self.post("/auth/token/login/", account).json()["auth_token"]
        body = {"current_password": PASSWORD, "new_password": PASSWORD + " again"}
        response = self.post("/auth/users/set_password/", body, {"Authorization": f"Token {token}"})
        assert response.status_code == 204, response.text

    def delete(self) -> None:
        response = httpx.request(
            "DELETE",
            f"{self.replicas[0]}/auth/users/me/",
            json={"current_password": PASSWORD},
            headers=self.authorization,
        )
        assert response.status_code == 204, response.text


def assert_revoked_everywhere(user: User, revoke: Callable[[], object]) -> None:
    """Every replica rejects both the token and the session within the limit."""
    assert user.token_statuses() == {200}
    revoke()
    revoked_at = time.monotonic()
    while user.token_statuses() != {401} or user.session_users() != {None}:
        assert time.monotonic() - revoked_at < LIMIT_S + TOLERANCE_S, "the credentials are still accepted"
        time.sleep(0.05)
    print(f"credentials of {user.name} rejected after {time.monotonic() - revoked_at:.1f} s")


def test_signing_out(replicas: list[str]):
    user = User("olga", replicas)
    assert_revoked_everywhere(user, user.sign_out)


def test_changing_the_password(replicas: list[str]):
    user = User("pavel", replicas)
    assert_revoked_everywhere(user, user.change_password)


def test_deleting_the_account(replicas: list[str]):
    user = User("quentin", replicas)
    assert_revoked_everywhere(user, user.delete)


def test_disabling_the_account(replicas: list[str], replicated_service: Service):
    user = User("rosa", replicas)
    assert_revoked_everywhere(user, lambda: replicated_service.run("users", "disable", "rosa"))
