"""Settings: documented; invalid values are rejected in one line that names the variable."""

import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from serve_app.cli.main import main
from serve_app.database.database_url import parse_database_url
from serve_app.settings import MissingSecretKey, Settings, settings

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"
FIELDS = sorted(Settings.model_fields)
GITHUB = '{"name": "github", "kind": "github", "client_id": "a", "client_secret": "hush"}'


def rows() -> dict[str, str]:
    """Variables and descriptions in the table of the documentation."""
    return dict(re.findall(r"^\| `(RAYLENS_\w+)` \|[^|]*\| (.+) \|$", DOCS.read_text(), re.MULTILINE))


def test_the_docs_list_every_setting_in_order() -> None:
    assert list(rows()) == [f"RAYLENS_{name.upper()}" for name in Settings.model_fields]


@pytest.mark.parametrize("name", FIELDS)
def test_the_docs_have_the_description_of_the_field(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")
    assert rows()[f"RAYLENS_{name.upper()}"] == description


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("CACHE_TTL_S", "0"),
        ("CACHE_SIZE_MIB", "-1"),
        ("RATE_LIMIT_ANONYMOUS", "often"),
        ("RATE_LIMIT_USER", "5/fortnight"),
        ("RATE_LIMIT_KEY", "5/minute, often"),
        ("FETCH_ALLOWED_NETWORKS", "127.0.0.1/99"),
        ("FETCH_PROXY", "proxy:3128"),
        ("FETCH_PROXY", "socks5://proxy:1080"),
        ("FETCH_PROXY", "http://"),
        ("FETCH_PROXY", "http://proxy:port"),
        ("FETCH_PROXY", "http://[::1"),
        ("FETCH_PROXY", "http://proxy:3128/path"),
        ("MODELS", ","),
        ("MODELS", "[]"),
        ("MODELS", '["a"'),
        ("MODELS", '["a", 1]'),
        ("REDIS_URL", "localhost:6379"),
        ("RETENTION_DAYS", "0"),
        ("FORWARDED_HOPS", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("ANONYMOUS", "perhaps"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("PUBLIC_URL", "raylens.example.org"),
        ("PUBLIC_URL", "https://example.org/raylens"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", f"{'a' * 32},{'b' * 31}"),
        ("PROVIDERS", "github"),
        ("PROVIDERS", '{"name": "github", "client_id": "a"}'),
        ("PROVIDERS", '["github"]'),
        ("PROVIDERS", f"[{GITHUB}, {GITHUB}]"),
    ],
)
def test_an_invalid_value_is_reported_once(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, **{name.lower(): value})  # type: ignore[arg-type]
    errors = caught.value.errors()
    assert {str(error["loc"][0]).upper() for error in errors} == {name}
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [(",", "write at least one name"), ("[]", "write at least one name"), ('["a"', "is no JSON list of strings")],
)
def test_an_invalid_list_of_models_says_what_to_write(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("RAYLENS_MODELS", value)
    with pytest.raises(ValidationError, match=message):
        Settings(_env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("RATE_LIMIT_USER", "often"), ("FETCH_ALLOWED_NETWORKS", "x"), ("PROVIDERS", "x")],
)
def test_the_command_line_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"RAYLENS_{name}", value)
    monkeypatch.setattr(sys, "argv", ["raylens", "serve"])
    settings.cache_clear()
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"RAYLENS_{name}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://user:hidden@127.0.0.1:1/raylens"), ("REDIS_URL", "redis://:hidden@127.0.0.1:1/0")],
)
def test_shared_servers_need_a_secret_key(tmp_path: Path, name: str, value: str) -> None:
    line = start_error(tmp_path, **{f"RAYLENS_{name}": value})
    assert "RAYLENS_SECRET_KEY" in line
    assert "hidden" not in line
    with pytest.raises(MissingSecretKey):
        _ = Settings(_env_file=None, data_dir=tmp_path, **{name.lower(): value}).signing_keys  # type: ignore[arg-type]
    assert not (tmp_path / "secret.key").exists()


def start_error(folder: Path, **environment: str) -> str:
    """The line that ``raylens serve`` prints when it cannot start."""
    result = subprocess.run(
        [sys.executable, "-m", "serve_app.cli.main", "serve"],
        env={"PATH": "/usr/bin:/bin", "RAYLENS_DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "a", "client_id": "b", "client_secret": "hush"',
        '[{"name": "A!", "client_id": "b", "client_secret": "hush"}]',
        '[{"name": "a", "client_secret": "hush", "kind": "saml"}]',
        '[{"name": "a", "client_id": "b", "client_secret": ["hush"]}]',
        '["hush"]',
    ],
)
def test_errors_do_not_contain_the_secret_of_a_provider(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, providers=text)
    (error,) = caught.value.errors()
    assert "hush" not in error["msg"]
    assert "hush" not in str(caught.value)
    assert "\n" not in error["msg"]


def test_the_repr_contains_no_secret() -> None:
    providers = f"[{GITHUB}]"
    urls = {"database_url": "mysql://a:hush@b/c", "redis_url": "redis://:hush@b"}
    found = Settings(_env_file=None, secret_key="hush" * 8, providers=providers, **urls)  # type: ignore[arg-type]
    assert found.providers[0].client_secret == "hush"
    assert "hush" not in repr(found)


def test_the_environment_takes_precedence_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("RAYLENS_PORT=1234\nRAYLENS_HOST=0.0.0.0\nUNRELATED=1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYLENS_PORT", "4321")
    monkeypatch.setenv("RAYLENS_MODELS", " a , b,")
    monkeypatch.setenv("RAYLENS_REDIS_URL", "")
    monkeypatch.setenv("RAYLENS_DATA_DIR", "data")
    found = Settings()
    assert (found.port, found.host, found.models) == (4321, "0.0.0.0", ("a", "b"))
    assert found.redis_url == ""
    assert found.data_dir == tmp_path / "data"
    assert parse_database_url(found.effective_database_url).database == str(tmp_path / "data" / "raylens.db")


def test_the_secret_key_is_created_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    keys = {Settings(_env_file=None, data_dir=tmp_path).signing_keys for _ in range(3)}
    ((key,),) = keys
    assert len(key) == 64
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_several_secret_keys(tmp_path: Path) -> None:
    found = Settings(_env_file=None, data_dir=tmp_path, redis_url="redis://a", secret_key=f"{'a' * 32}, {'b' * 40},")
    assert found.signing_keys == (b"a" * 32, b"b" * 40)
    assert found.auth.secret_keys == found.signing_keys


@pytest.mark.parametrize(
    ("given", "public_url", "is_given"),
    [
        ({}, "http://127.0.0.1:8000", False),
        ({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80", False),
        ({"host": "fe80::1"}, "http://[fe80::1]:8000", False),
        ({"public_url": "https://raylens.example.org/"}, "https://raylens.example.org", True),
    ],
)
def test_the_public_url(tmp_path: Path, given: dict[str, Any], public_url: str, is_given: bool) -> None:
    found = Settings(_env_file=None, data_dir=tmp_path, **given).auth
    assert (found.public_url, found.public_url_is_given) == (public_url, is_given)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("*", "http://127.0.0.1:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
        ("fe80::1%eth0", "http://[fe80::1%eth0]:8000"),
    ],
)
def test_the_url_on_this_machine(host: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYLENS_HOST", host)
    assert Settings().local_url == url
    httpx.URL(url)
