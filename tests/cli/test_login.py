"""``raylens login``, ``logout`` and ``whoami`` against the real OAuth server over HTTP."""

import json
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from auth.audit import RequestSource
from serve_app.cli.address import Address
from serve_app.cli.credential import OAuthSignIn
from serve_app.cli.credential_store import LocalCredentialStore
from serve_app.cli.main import app
from serve_app.database.engine import connect
from tests.auth.application import Application
from tests.auth.oauth.oauth_server import oauth_server
from tests.auth.oauth.user_browser import browse
from tests.cli.api import FakeApi, Reply
from tests.cli.browser import as_command
from tests.cli.credentials import signed_in
from tests.cli.terminal import Terminal
from tests.servers.process import free_port

PASSWORD = "a long and simple sentence"
HTTP = RequestSource()


@pytest.fixture
def service(migrated_sqlite_url: str) -> Iterator[Application]:
    """With the user alice and the administrator carol."""
    engine = connect(migrated_sqlite_url)
    with oauth_server(engine) as service:
        service.auth.accounts.register("alice", PASSWORD, source=HTTP)
        service.auth.accounts.create_admin("carol", PASSWORD)
        yield service
    engine.dispose()


@pytest.fixture
def url(service: Application) -> str:
    return service.auth.settings.public_url


def key_of_alice(service: Application, *scopes: str) -> str:
    alice = service.auth.accounts.named("alice")
    assert alice
    return service.auth.keys.create(alice, "machine", frozenset(scopes), None, source=HTTP)[1]


Browse = Callable[[str], None]


@pytest.fixture(autouse=True)
def use_browser(monkeypatch: pytest.MonkeyPatch) -> Browse:
    """Choose a browser; the standard library looks for one only once per process."""

    def use(command: str) -> None:
        monkeypatch.setenv("BROWSER", command)
        monkeypatch.setattr(webbrowser, "_tryorder", None)
        monkeypatch.setattr(webbrowser, "_browsers", {})

    return use


@pytest.fixture(autouse=True)
def alice_at_the_browser(tmp_path: Path, use_browser: Browse) -> None:
    use_browser(as_command(tmp_path, "alice", PASSWORD))


def run(*arguments: str, stdin: str | None = None, **env: str) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin, env=env)


def kept(url: str) -> tuple[str, OAuthSignIn]:
    """The access token, and the rest of the sign-in."""
    credential = LocalCredentialStore().get(Address(url))
    assert credential
    assert credential.sign_in
    return credential.token, credential.sign_in


def whoami(url: str) -> dict[str, Any]:
    result = run("whoami", "--server", url, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_login_whoami_logout(url, service):
    login = run("login", "--server", url)
    assert login.exit_code == 0, login.output
    assert login.stdout == f"Signed in at {url} as alice: classify, history:read, history:write, profile.\n"
    access, sign_in = kept(url)
    output = whoami(url)
    assert output["username"] == "alice"
    assert output["credential"] == "sign-in"
    assert output["scopes"] == ["classify", "history:read", "history:write", "profile"]
    assert sign_in.ends_at == pytest.approx(time.time() + 14 * 86_400, abs=60)
    text = run("whoami", "--server", url)
    assert "alice (user)" in text.stdout
    assert "until" in text.stdout
    signed_out = run("logout", "--server", url)
    assert (signed_out.exit_code, signed_out.stdout) == (0, f"Signed out at {url}.\n")
    assert run("whoami", "--server", url).exit_code == 1
    service.clear_cache()
    assert run("whoami", "--server", url, "--token", access).exit_code == 4
    assert run("logout", "--server", url).exit_code == 0


def test_no_secret_is_printed_or_logged(url, service, caplog):
    caplog.set_level("DEBUG")
    text = run("login", "--server", url).output
    access, sign_in = kept(url)
    text += run("whoami", "--server", url).output + run("logout", "--server", url).output + caplog.text
    assert "/oauth/revoke" in caplog.text
    for secret in (access, sign_in.refresh_token, "rlc_", PASSWORD):
        assert secret not in text


def test_an_expired_token_is_refreshed(url, service):
    run("login", "--server", url)
    access, before = kept(url)
    service.clock.forward(11 * 60)
    assert whoami(url)["username"] == "alice"
    refreshed, after = kept(url)
    assert refreshed != access
    assert after.refresh_token != before.refresh_token
    assert (after.since, after.ends_at) == (before.since, before.ends_at)
    service.clock.forward(11 * 60)
    assert whoami(url)["username"] == "alice"


def test_a_sign_in_ends_after_fourteen_days(url, service):
    run("login", "--server", url)
    service.clock.forward(14 * 86_400)
    for _ in range(2):
        ended = run("whoami", "--server", url)
        assert ended.exit_code == 4
        assert f"raylens login --server {url}" in ended.stderr
    assert run("login", "--server", url).exit_code == 0
    assert whoami(url)["username"] == "alice"


def test_signing_in_again_revokes_the_previous_sign_in(url, service):
    run("login", "--server", url)
    before, _ = kept(url)
    run("login", "--server", url)
    service.clear_cache()
    assert run("whoami", "--server", url, "--token", before).exit_code == 4
    assert whoami(url)["username"] == "alice"


def test_scopes_can_be_chosen(url):
    assert run("login", "--server", url, "--scope", "classify").stdout == f"Signed in at {url}: classify.\n"
    output = whoami(url)
    assert (output["username"], output["scopes"]) == (None, ["classify"])
    assert "without the scope profile" in run("whoami", "--server", url).stdout


@pytest.mark.parametrize("scope", ["nonsense", "admin"])
def test_an_unavailable_scope_is_rejected(url, scope):
    result = run("login", "--server", url, "--scope", "classify", "--scope", scope)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("The server rejected the request: ")


def test_administrators_can_request_the_admin_scope(url, tmp_path, use_browser):
    use_browser(as_command(tmp_path, "carol", PASSWORD))
    result = run("login", "--server", url, "--scope", "admin", "--scope", "profile")
    assert result.exit_code == 0, result.output
    assert whoami(url)["scopes"] == ["admin", "profile"]


def test_without_a_browser_the_address_can_be_pasted(url):
    terminal = Terminal("login", "--no-browser", "--server", url)
    terminal.wait_for("paste that address here:")
    asked = next(line for line in terminal.screen.splitlines() if line.startswith(f"{url}/oauth/authorize?"))
    redirect = browse(asked, "alice", PASSWORD)
    terminal.type("http://127.0.0.1/callback?code=rlc_other&state=other")
    terminal.wait_for("another sign-in")
    terminal.type(redirect)
    assert terminal.end() == 0
    assert f"Signed in at {url} as alice" in terminal.screen
    assert whoami(url)["username"] == "alice"


def test_without_a_display_the_address_can_be_pasted(url, monkeypatch):
    monkeypatch.setattr("serve_app.cli.sign_in._TIMEOUT_S", 0.2)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "paste that address" in run("login", "--server", url).stderr


def test_an_incomplete_sign_in_times_out(url, monkeypatch, use_browser):
    monkeypatch.setattr("serve_app.cli.sign_in._TIMEOUT_S", 0.2)
    use_browser("true")
    result = run("login", "--server", url)
    assert result.exit_code == 1
    assert "run `raylens login` again" in result.stderr


def test_an_api_key_can_be_stored(url, service):
    key = key_of_alice(service, "classify", "profile")
    stored = run("login", "--with-token", "--server", url, stdin=f"{key}\n")
    assert stored.stdout == f"Signed in at {url} as alice: classify, profile.\n"
    output = whoami(url)
    assert (output["credential"], output["ends_at"]) == ("key", None)
    forgotten = run("logout", "--server", url)
    assert forgotten.exit_code == 0
    assert "still valid" in forgotten.stdout
    assert run("whoami", "--server", url, RAYLENS_TOKEN=key).exit_code == 0


def test_a_typed_key_is_not_echoed(url, service):
    key = key_of_alice(service, "classify")
    terminal = Terminal("login", "--with-token", "--server", url)
    terminal.wait_for("API key: ")
    terminal.type(key)
    assert terminal.end() == 0
    assert key not in terminal.screen


@pytest.mark.parametrize(("key", "code"), [("rlk_nobodys", 4), ("", 2), ("two words", 2), ("a\nb", 2), ("ä", 2)])
def test_an_invalid_key_is_not_stored(url, key, code, config_folder):
    assert run("login", "--with-token", "--server", url, stdin=key).exit_code == code
    assert LocalCredentialStore().get(Address(url)) is None


def test_plain_http_over_a_network_is_rejected():
    for arguments in (["login"], ["login", "--insecure"], ["login", "--with-token"]):
        result = run(*arguments, "--server", "http://raylens.example.org", stdin="rlk_key")
        assert (result.exit_code, "plain http" in result.stderr) == (2, True)


def test_a_server_with_another_issuer_is_rejected(url):
    other = url.replace("127.0.0.1", "localhost")
    result = run("login", "--server", other)
    assert result.exit_code == 1
    assert f"--server {url}" in result.stderr


def test_endpoints_of_another_origin_are_rejected(api: FakeApi):
    metadata = {"issuer": api.url, "authorization_endpoint": f"{api.url}/oauth/authorize"}
    evil = "http://127.0.0.1:1/oauth/token"
    metadata |= {"token_endpoint": evil, "revocation_endpoint": f"{api.url}/oauth/revoke"}
    api.get["/.well-known/oauth-authorization-server"] = Reply(200, metadata)
    result = run("login", "--server", api.url)
    assert result.exit_code == 1
    assert "another server" in result.stderr


@pytest.mark.parametrize("reply", [Reply(404, b""), Reply(200, b"<html>"), Reply(200, {"issuer": 1}), Reply(302, b"")])
def test_a_server_without_users(api, reply):
    api.get["/.well-known/oauth-authorization-server"] = reply
    result = run("login", "--server", api.url)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_an_unreachable_server():
    for command in (["login"], ["whoami"]):
        assert run(*command, "--server", f"127.0.0.1:{free_port()}").exit_code == 3


def test_an_unreachable_server_does_not_prevent_a_logout():
    gone = f"http://127.0.0.1:{free_port()}"
    LocalCredentialStore().put(signed_in(gone))
    result = run("logout", "--server", gone)
    assert result.exit_code == 3
    assert "could not be revoked" in result.stderr
    assert LocalCredentialStore().get(Address(gone)) is None


def test_a_token_that_takes_precedence_is_mentioned(url):
    assert "RAYLENS_TOKEN is set" in run("login", "--server", url, RAYLENS_TOKEN="rlk_other").stderr
