"""Database URLs: what they mean, and one line for those that cannot work."""

from pathlib import Path
from typing import Any

import pytest

from serve_app.database.database_url import parse_database_url
from serve_app.settings import Settings


@pytest.mark.parametrize(
    "name",
    [
        "100%",
        "50%41",
        "a?b=c&d",
        "a#b",
        "with space",
        "plus+and=;,@:!",
        "'single' and \"double\"",
        "Bu\u0308cher",
        "Bücher-日本語-🐈",
        "back\\slash",
        "$HOME `id` *[x]",
        "n" * 200,
    ],
)
def test_the_embedded_database_is_inside_of_the_data_folder(tmp_path: Path, name: str) -> None:
    found = Settings(_env_file=None, data_dir=tmp_path / name)
    assert parse_database_url(found.effective_database_url).database == str(tmp_path / name / "raylens.db")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////srv/raylens.db", "/srv/raylens.db"),
        ("sqlite+pysqlite:////srv/raylens.db", "/srv/raylens.db"),
        ("SQLite:////srv/raylens.db ", "/srv/raylens.db"),
        ("sqlite:////srv/100%25/what%3F/raylens.db", "/srv/100%/what?/raylens.db"),
        ("sqlite:////srv/a b#c/raylens.db?timeout=3", "/srv/a b#c/raylens.db"),
        ("sqlite:////srv/x/../raylens.db", "/srv/raylens.db"),
    ],
)
def test_paths_of_sqlite(url: str, path: str) -> None:
    assert parse_database_url(url).database == path
    assert parse_database_url(Settings(_env_file=None, database_url=url).effective_database_url).database == path


def test_a_relative_path_of_sqlite_is_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert parse_database_url("sqlite:///data/raylens.db").database == f"{tmp_path}/data/raylens.db"
    assert parse_database_url("sqlite:///~/raylens.db").database == "/home/ada/raylens.db"
    found = Settings(_env_file=None, database_url="sqlite:///data/what%3F.db")
    monkeypatch.chdir("/")
    assert parse_database_url(found.effective_database_url).database == f"{tmp_path}/data/what?.db"


@pytest.mark.parametrize(
    ("url", "user", "password", "name"),
    [
        ("mysql://ada:topsecret@db/raylens", "ada", "topsecret", "raylens"),
        ("mariadb://ada:topsecret@db/raylens?charset=latin1&collation=latin1_bin", "ada", "topsecret", "raylens"),
        ("MySQL+PyMySQL://%C3%A4da:p%40%3A%2F%25%23%3F%26@db/r%C3%A4y", "äda", "p@:/%#?&", "räy"),
        ("mysql://äda:pä:s#w?o/r🐈@db/räy", "äda", "pä:s#w?o/r🐈", "räy"),
        ("mysql://ada@/raylens?unix_socket=/run/mysqld/mysqld.sock", "ada", None, "raylens"),
    ],
)
def test_users_passwords_and_names_of_mysql(url: str, user: str, password: str | None, name: str) -> None:
    parsed = parse_database_url(url)
    assert (parsed.username, parsed.password, parsed.database) == (user, password, name)
    assert parsed.drivername.endswith("+pymysql")
    assert "charset" not in parsed.query


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:raylens.db?uri=true", "names no file"),
        ("sqlite://srv/topsecret.db", "three slashes"),
        ("sqlite:/srv/raylens.db", "sqlite:////absolute"),
        ("sqlite:raylens.db", "sqlite:////absolute"),
        ("sqlite:///C:\\data\\raylens.db", "Windows"),
        ("sqlite:///C:/data/raylens.db", "Windows"),
        ("sqlite:////srv/what?/raylens.db", "%3F"),
        ("sqlite:////srv/raylens.db?mode=ro", "unknown"),
        ("sqlite:////srv/raylens.db?timeout=long", "timeout"),
        ("sqlite:///~nobody-of-this-name/raylens.db", "full path"),
        ("sqlite+aiosqlite:////srv/raylens.db", "sqlite+aiosqlite is not supported"),
        ("/srv/raylens.db", "malformed"),
        ("postgresql://ada:topsecret@db/raylens", "postgresql is not supported"),
        ("mysql+mysqldb://ada:topsecret@db/raylens", "mysql+mysqldb is not supported"),
        ("ada:topsecret@db/raylens", "malformed"),
        ("ada:topsecret@db://raylens", "the scheme is not supported"),
        ("mysql://ada:topsecret@db", "names no database"),
        ("mysql://ada:topsecret@db/", "names no database"),
        ("mysql://ada:top@secret@db/raylens", "%40"),
        ("mysql://ada:topsecret@db:0/raylens", "port"),
        ("mysql://ada:topsecret@db:99999/raylens", "port"),
        ("mysql://ada:topsecret@db:x/raylens", "malformed"),
        ("mysql://ada:topsecret@db/raylens?foo=topsecret", "unknown"),
        ("mysql://ada:topsecret@db/raylens?connect_timeout=topsecret", "connect_timeout"),
        ("mysql://ada:topsecret@db/raylens?ssl_disabled=topsecret", "ssl_disabled"),
        ("mysql://ada:topsecret@db/raylens?ssl_ca=/nowhere/ca.pem", "ssl_ca"),
        ("mysql://ada:topsecret\n@db/raylens", "control characters"),
        ("mysql://ada:topsecret\udcff@db/raylens", "UTF-8"),
    ],
)
def test_a_url_that_cannot_work_is_one_line_without_the_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"URL|path|not supported") as raised:
        parse_database_url(url)
    line = str(raised.value)
    assert words in line
    assert "topsecret" not in line
    assert "\n" not in line
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("value", ["data\nfolder", "data\udcff", "~nobody-of-this-name/data"])
def test_a_data_folder_that_cannot_work(value: str) -> None:
    with pytest.raises(ValueError, match="folder"):
        Settings(_env_file=None, data_dir=value)


@pytest.mark.parametrize(
    ("given", "path"),
    [("data", "{here}/data"), ("data/", "{here}/data"), ("~/data", "/home/ada/data"), ("/srv//data/", "/srv/data")],
)
def test_the_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert str(Settings(_env_file=None, data_dir=given).data_dir) == path.format(here=tmp_path)
