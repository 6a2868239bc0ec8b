"""What ends on one ingress replica ends on all of them, within five seconds."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.service import Service

pytestmark = pytest.mark.chaos
BOUND_S = 5.0
MEASURING_S = 2.0
"""Between a revocation's answer and the last replica's, on a machine that has other things to do."""
PASSWORD = "three wet umbrellas by the door"
HEADERS = {"X-Requested-With": "raylens"}


def two_ingresses(application: dict[str, Any]) -> None:
    application["args"]["classifier"]["runtime"] = "fake"
    for deployment in application["deployments"]:
        deployment["ray_actor_options"]["num_cpus"] = 0.1
        if deployment["name"] == "Ingress":
            deployment["autoscaling_config"] |= {"min_replicas": 2, "max_replicas": 2}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("revocation"), two_ingresses)
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def replicas(pair: Service) -> list[str]:
    """The address of each ingress replica itself, past HAProxy."""
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        ports = [port for process in pair.replicas("Ingress") for port in http_ports(process)]
        if len(ports) == 2:
            return [f"http://127.0.0.1:{port}" for port in ports]
        time.sleep(0.5)
    raise AssertionError("there are no two ingress replicas")


def http_ports(process: psutil.Process) -> Iterator[int]:
    for connection in process.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN:
            try:
                answer = httpx.get(f"http://127.0.0.1:{connection.laddr.port}/api/health/live", timeout=2)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                yield connection.laddr.port


class Person:
    """Registered, signed in with a cookie and with a token; each replica has seen both."""

    def __init__(self, name: str, replicas: list[str]) -> None:
        self.name = name
        self.replicas = replicas
        account = {"username": name, "password": PASSWORD}
        assert self.post("/auth/users/", account).status_code == 201
        self.token = self.post("/auth/token/login/", account).json()["auth_token"]
        self.authorization = {"Authorization": f"Token {self.token}"}
        signed_in = self.post("/api/v1/session", account, HEADERS | {"Origin": replicas[0]})
        assert signed_in.status_code == 201, signed_in.text
        self.cookies = dict(signed_in.cookies)
        assert self.token_statuses() == {200}
        assert self.session_users() == {name}

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        return httpx.post(self.replicas[0] + path, json=body, headers=headers, timeout=10)

    def token_statuses(self) -> set[int]:
        return {httpx.get(f"{at}/auth/users/me/", headers=self.authorization).status_code for at in self.replicas}

    def session_users(self) -> set[str | None]:
        told = [httpx.get(f"{at}/api/v1/session", cookies=self.cookies).json()["user"] for at in self.replicas]
        return {user and user["username"] for user in told}

    def sign_out(self) -> None:
        assert self.post("/auth/token/logout/", {}, self.authorization).status_code == 204
        headers = HEADERS | {"Origin": self.replicas[0]}
        answer = httpx.delete(f"{self.replicas[0]}/api/v1/session", cookies=self.cookies, headers=headers)
        assert answer.status_code == 204

    def change_password(self) -> None:
        """By another sign-in of theirs, so that both of these end."""
        account = {"username": self.name, "password": PASSWORD}
        token = self.post("/auth/token/login/", account).json()["auth_token"]
        body = {"current_password": PASSWORD, "new_password": PASSWORD + " again"}
        answer = self.post("/auth/users/set_password/", body, {"Authorization": f"Token {token}"})
        assert answer.status_code == 204, answer.text

    def delete(self) -> None:
        answer = httpx.request(
            "DELETE",
            f"{self.replicas[0]}/auth/users/me/",
            json={"current_password": PASSWORD},
            headers=self.authorization,
        )
        assert answer.status_code == 204, answer.text


def end_is_seen(person: Person, end: Callable[[], object]) -> float:
    """Seconds until every replica refuses both the token and the session."""
    assert person.token_statuses() == {200}
    end()
    ended_at = time.monotonic()
    while person.token_statuses() != {401} or person.session_users() != {None}:
        assert time.monotonic() - ended_at < BOUND_S + MEASURING_S, "still let in"
        time.sleep(0.05)
    took_s = time.monotonic() - ended_at
    print(f"{person.name} was let in for {took_s:.1f} s more")
    return took_s


def test_signing_out(replicas: list[str]):
    person = Person("olga", replicas)
    assert end_is_seen(person, person.sign_out) < BOUND_S + MEASURING_S


def test_another_password(replicas: list[str]):
    person = Person("pavel", replicas)
    assert end_is_seen(person, person.change_password) < BOUND_S + MEASURING_S


def test_a_deleted_account(replicas: list[str]):
    person = Person("quentin", replicas)
    assert end_is_seen(person, person.delete) < BOUND_S + MEASURING_S


def test_a_disabled_account(replicas: list[str], pair: Service):
    person = Person("rosa", replicas)
    assert end_is_seen(person, lambda: pair.run("users", "disable", "rosa")) < BOUND_S + MEASURING_S
