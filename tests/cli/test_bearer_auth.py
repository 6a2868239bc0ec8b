"""Bearer authentication of requests and the refresh of access tokens."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
from typer.testing import CliRunner

from serve_app.cli.address import Address
from serve_app.cli.bearer_auth import RefreshingToken
from serve_app.cli.credential_store import LocalCredentialStore
from serve_app.cli.main import app
from tests.cli.api import FakeApi, RecordedRequest, Reply, classification, problem
from tests.cli.credentials import api_key, signed_in
from tests.servers.process import free_port


class FakeOAuthServer:
    """Accepts one access token at a time and each refresh token once, as the OAuth server does."""

    def __init__(self, api: FakeApi, *, access: str = "rla_first", refresh: str = "rlr_first") -> None:
        self.access, self.refresh = access, refresh
        self.refreshes = 0
        self.refresh_reply: Reply | None = None
        """Sent instead of new tokens."""
        self.pause_s = 0.0
        self._lock = threading.Lock()
        api.answer = self.answer

    def answer(self, asked: RecordedRequest, _attempt: int) -> Reply:
        if asked.path == "/oauth/token":
            time.sleep(self.pause_s)
            with self._lock:
                return self._refreshed(parse_qs(asked.body.decode()))
        if asked.headers.get("Authorization") != f"Bearer {self.access}":
            return problem(401, "invalid_token", "Invalid token.")
        return Reply(201, classification())

    def _refreshed(self, form: dict[str, list[str]]) -> Reply:
        self.refreshes += 1
        if self.refresh_reply:
            return self.refresh_reply
        assert form["client_id"] == ["raylens-cli"]
        if form["grant_type"] != ["refresh_token"] or form["refresh_token"] != [self.refresh]:
            return Reply(400, {"error": "invalid_grant"})
        self.access, self.refresh = f"rla_{self.refreshes}", f"rlr_{self.refreshes}"
        tokens: dict[str, Any] = {"access_token": self.access, "refresh_token": self.refresh}
        return Reply(200, tokens | {"token_type": "Bearer", "expires_in": 600, "scope": "classify"})


@pytest.fixture
def server(api: FakeApi) -> FakeOAuthServer:
    return FakeOAuthServer(api)


@pytest.fixture
def store() -> LocalCredentialStore:
    return LocalCredentialStore()


def run(*arguments: object, **env: str):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=env, color=True)


def test_a_stored_sign_in_authenticates_requests_to_its_server(api, server, store, photos):
    store.put(signed_in(api.url))
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code == 0
    assert run("classify", photos / "a.jpg", RAYLENS_SERVER=api.url + "/").exit_code == 0
    assert server.refreshes == 0


def test_a_stored_sign_in_is_not_sent_to_another_server(api, store, photos):
    store.put(signed_in(f"http://127.0.0.1:{free_port()}"))
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code == 0
    assert "Authorization" not in api.asked[0].headers


def test_a_given_token_takes_precedence(api, server, store, photos):
    store.put(signed_in(api.url))
    server.access = "rlk_given"
    assert run("classify", photos / "a.jpg", "--server", api.url, RAYLENS_TOKEN=" rlk_given\n").exit_code == 0


def test_an_api_key_is_never_refreshed(api, server, store, photos):
    store.put(api_key(api.url))
    server.access = "rlk_stored"
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code == 0
    server.access = "rlk_other"
    result = run("classify", photos / "a.jpg", "--server", api.url)
    assert (result.exit_code, server.refreshes) == (4, 0)
    assert "API key" in result.stderr


def test_concurrent_requests_refresh_once(api, server, store, photos):
    store.put(signed_in(api.url, seconds_left=20))
    server.pause_s = 0.2
    assert run("classify", *[photos / "a.jpg"] * 20, "--server", api.url, "--jobs", 8).exit_code == 0
    kept = store.get(Address(api.url))
    assert server.refreshes == 1
    assert (kept.token, kept.sign_in.refresh_token) == (server.access, server.refresh)
    assert 540 < kept.seconds_left(time.time()) <= 600
    assert {asked.headers["Authorization"] for asked in api.asked if asked.path != "/oauth/token"} == {"Bearer rla_1"}


def test_a_rejected_token_is_refreshed_and_the_image_is_sent_again(api, server, store, photos):
    store.put(signed_in(api.url, access="rla_forgotten_by_the_server"))
    result = run("classify", *[photos / "a.jpg"] * 20, "--server", api.url, "--jobs", 8, "--json")
    assert (result.exit_code, server.refreshes) == (0, 1)
    assert len(result.stdout.splitlines()) == 20


def test_several_processes_refresh_once(api, server, store, photos):
    store.put(signed_in(api.url, seconds_left=0))
    server.pause_s = 2.0  # by then all processes have started
    command = [sys.executable, "-m", "serve_app.cli.main", "classify", str(photos / "a.jpg"), "--server", api.url]
    processes = [subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    assert server.refreshes == 1


async def test_the_refresh_of_a_cancelled_request_is_stored(api, server, store):
    store.put(signed_in(api.url, seconds_left=0))
    server.pause_s = 0.5
    address = Address(api.url)
    bearer = RefreshingToken(address, store, store.get(address))
    async with address.client(auth=bearer) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.post("/api/v1/classifications", content=b"image")
    with store.locked(address):  # released once the tokens are stored
        assert store.get(address).token == "rla_1"
    assert store.get(address).sign_in.refresh_token == server.refresh


def test_an_ended_sign_in_is_reported_and_not_retried(api, server, store, photos):
    store.put(signed_in(api.url, refresh="rlr_revoked", seconds_left=0))
    for _ in range(2):
        result = run("classify", photos, "--server", api.url)
        assert (result.exit_code, result.stdout) == (4, "")
        assert result.stderr == f"Your sign-in at {api.url} has ended. Run `raylens login --server {api.url}` again.\n"
    assert (server.refreshes, len(api.asked)) == (1, 1)
    kept = store.get(Address(api.url))
    assert (kept.token, kept.sign_in.refresh_token) == ("", "")


@pytest.mark.parametrize("reply", [Reply(503, b""), Reply(500, {"error": 1}), Reply(200, b"<html>"), Reply(302, b"")])
def test_a_failed_refresh_does_not_end_the_sign_in(api, server, store, photos, reply):
    server.refresh_reply = reply
    store.put(signed_in(api.url, seconds_left=20))
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code == 0
    store.put(signed_in(api.url, seconds_left=0))
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code in {1, 3}
    server.refresh_reply = None
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code == 0


def test_results_before_an_error_are_printed(api, server: FakeOAuthServer, store, photos):
    store.put(signed_in(api.url))

    def sign_out_before_the_last(asked: RecordedRequest, attempt: int) -> Reply:
        if b"RIFF" in asked.body[:8]:
            server.access = server.refresh = "rla_another"
        return server.answer(asked, attempt)

    api.answer = sign_out_before_the_last
    result = run("classify", photos, "--server", api.url, "--jobs", 1)
    assert result.exit_code == 4
    assert "2 images" in result.stdout
    assert "has ended" in result.stderr


def test_a_server_that_requires_a_sign_in(api, server, photos):
    result = run("classify", photos / "a.jpg", "--server", api.url)
    assert result.exit_code == 4
    assert f"raylens login --server {api.url}" in result.stderr


def test_a_denied_request_shows_the_server_s_reason(api, photos):
    api.answer = lambda *_: problem(403, "insufficient_scope", "This needs the scope classify.\x1b[2J")
    result = run("classify", photos, "--server", api.url, "--token", "rlk_other")
    assert result.exit_code == 4
    assert "This needs the scope classify." in result.stderr
    assert "\x1b" not in result.stderr


def test_a_server_with_another_name_ends_the_command(api, photos):
    """Every further image would fail in the same way."""
    api.answer = lambda *_: problem(421, "unknown_host", "box.example is not a name of this service.")
    result = run("classify", photos, "--server", api.url)
    assert result.exit_code == 4
    assert "box.example is not a name of this service." in result.stderr
    api.get["/.well-known/oauth-authorization-server"] = problem(421, "unknown_host", "")
    result = run("login", "--server", api.url)
    assert result.exit_code != 0
    assert "RAYLENS_ALLOWED_HOSTS" in result.stderr


def test_a_page_of_a_proxy_fails_only_its_image(api, photos):
    api.answer = lambda asked, _: Reply(403, b"<html>") if b"PNG" in asked.body else Reply(201, classification())
    result = run("classify", photos, "--server", api.url, "--json")
    assert result.exit_code == 1
    codes = [json.loads(line).get("error", {}).get("code") for line in result.stdout.splitlines()]
    assert codes == [None, "unexpected_reply", None]


def test_no_token_is_sent_over_plain_http_to_another_machine(photos):
    result = run("classify", photos / "a.jpg", "--server", "http://raylens.example.org", "--token", "rlk_secret")
    assert result.exit_code == 2
    assert "--insecure" in result.stderr
    assert "rlk_secret" not in result.stderr


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ключ", "\x7f"])
def test_an_invalid_token_is_neither_sent_nor_quoted(api, photos, token):
    result = run("classify", photos / "a.jpg", "--server", api.url, "--token", token)
    assert (result.exit_code, api.asked) == (2, [])
    assert token not in result.stderr


def test_requests_to_this_machine_bypass_proxies(api, server, store, photos, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    store.put(signed_in(api.url, seconds_left=0))
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code == 0


def test_no_token_is_logged(api, server, store, photos, caplog):
    caplog.set_level(logging.DEBUG)
    store.put(signed_in(api.url, seconds_left=0))
    assert run("classify", photos / "a.jpg", "--server", api.url).exit_code == 0
    assert "/oauth/token" in caplog.text
    for secret in ("rla_first", "rlr_first", "rla_1", "rlr_1"):
        assert secret not in caplog.text
