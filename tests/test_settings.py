"""Settings: told in the docs, refused in one line that names the variable."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from serve_app.settings import Settings

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"
FIELDS = sorted(Settings.model_fields)


def rows() -> dict[str, str]:
    """Variable → its meaning, as the table of the docs has them."""
    return dict(re.findall(r"^\| `(RAYLENS_\w+)` \|[^|]*\| (.+) \|$", DOCS.read_text(), re.MULTILINE))


def test_the_docs_list_every_setting_in_order() -> None:
    assert list(rows()) == [f"RAYLENS_{name.upper()}" for name in Settings.model_fields]


@pytest.mark.parametrize("name", FIELDS)
def test_the_docs_say_what_the_field_says(name: str) -> None:
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
        ("FETCH_ALLOWED_NETWORKS", "127.0.0.1/99"),
        ("MODELS", ","),
        ("REDIS_URL", "localhost:6379"),
        ("RETENTION_DAYS", "0"),
        ("FORWARDED_HOPS", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("ANONYMOUS", "perhaps"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, **{name.lower(): value})  # type: ignore[arg-type]
    faults = caught.value.errors()
    assert {str(fault["loc"][0]).upper() for fault in faults} == {name}
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("RATE_LIMIT_USER", "often"), ("FETCH_ALLOWED_NETWORKS", "x")]
)
def test_the_command_line_names_the_variable(tmp_path: Path, name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serve_app.cli.main", "serve"],
        env={"PATH": "/usr/bin:/bin", "RAYLENS_DATA_DIR": str(tmp_path), f"RAYLENS_{name}": value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"RAYLENS_{name}")


def test_the_environment_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert found.effective_database_url == f"sqlite:///{tmp_path}/data/raylens.db"


def test_the_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    keys = {Settings(_env_file=None, data_dir=tmp_path).signing_key for _ in range(3)}
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert Settings(_env_file=None, data_dir=tmp_path, secret_key="mine").signing_key == b"mine"
