"""``raylens login`` asks for consent once per device."""

import stat
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auth.audit import RequestSource
from serve_app.cli.device_key import device_name
from serve_app.cli.login import DEFAULT_SCOPES
from serve_app.cli.main import app
from serve_app.database.engine import connect
from tests.auth.application import Application
from tests.auth.oauth.oauth_server import oauth_server
from tests.cli.browser import as_command

PASSWORD = "a long and simple sentence"
HTTP = RequestSource()


@pytest.fixture
def service(migrated_sqlite_url: str) -> Iterator[Application]:
    """With the user alice."""
    engine = connect(migrated_sqlite_url)
    with oauth_server(engine) as service:
        service.auth.accounts.register("alice", PASSWORD, source=HTTP)
        yield service
    engine.dispose()


@pytest.fixture
def url(service: Application) -> str:
    return service.auth.settings.public_url


@pytest.fixture(autouse=True)
def alice_at_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", as_command(tmp_path, "alice", PASSWORD))
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_consent_is_given_once_per_device(url, service, tmp_path, config_folder):
    run("login", "--server", url)
    alice = service.auth.accounts.named("alice")
    [device] = service.auth.grants.devices.list(alice.id)
    assert (device.name, device.scopes) == (device_name(), set(DEFAULT_SCOPES))
    [key] = config_folder.glob("*.device.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    as_command(tmp_path, "alice", PASSWORD, consents=False)
    assert run("login", "--server", url).exit_code == 0
    assert len(service.auth.grants.devices.list(alice.id)) == 1
    run("logout", "--server", url)
    assert run("login", "--server", url).exit_code == 0
    service.auth.grants.remove_device(alice.id, device.id, source=HTTP)
    service.clear_cache()
    assert run("whoami", "--server", url).exit_code == 4


def test_an_unreadable_device_key_is_replaced(url, config_folder):
    run("login", "--server", url)
    [key] = config_folder.glob("*.device.pem")
    key.write_text("damaged")
    assert run("login", "--server", url).exit_code == 0
    assert "PRIVATE KEY" in key.read_text()
