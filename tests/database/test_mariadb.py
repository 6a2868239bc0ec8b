"""Connections to MariaDB: names and passwords in any script, whatever the server's defaults are."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import certifi
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, OperationalError

from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.statistics.history import History
from serve_app.statistics.record_writer import write_records
from tests.servers.mariadb import MariaDB
from tests.statistics.examples import example


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def admin(mariadb: MariaDB) -> Iterator[Engine]:
    with opened(mariadb.url_of("mysql")) as engine:
        yield engine


@pytest.mark.parametrize(
    ("scheme", "user", "password"),
    [
        ("mysql", "plain", "p@:/%#?& +'\"\\`"),
        ("mariadb", "jürgen", "Straße-éà"),
        ("mysql+pymysql", "Ольга", "пароль-日本-🐈"),
        ("mariadb+pymysql", "with space", "%41%zz"),
    ],
)
def test_users_passwords_and_databases_in_any_script(
    mariadb: MariaDB, admin: Engine, scheme: str, user: str, password: str
) -> None:
    name = f"räylens {user} {scheme}"
    with admin.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE `{name}` CHARACTER SET latin1")
        account = connection.scalar(text("SELECT QUOTE(:user)"), {"user": user})
        connection.execute(
            text(f"CREATE OR REPLACE USER {account}@'127.0.0.1' IDENTIFIED BY :word"), {"word": password}
        )
        connection.exec_driver_sql(f"GRANT ALL ON `{name}`.* TO {account}@'127.0.0.1'".replace("%", "%%"))
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    server = f"127.0.0.1:{mariadb.port}"
    with opened(f"{scheme}://{credentials}@{server}/{quote(name)}") as engine, engine.connect() as connection:
        assert connection.scalar(text("SELECT DATABASE()")) == name
    with (
        opened(f"{scheme}://{credentials}x@{server}/{quote(name)}") as engine,
        pytest.raises(OperationalError, match="Access denied"),
    ):
        engine.connect()


@contextmanager
def server_defaults(admin: Engine, **values: str) -> Iterator[None]:
    with admin.begin() as connection:
        before: dict[str, object] = {
            name: connection.exec_driver_sql(f"SELECT @@GLOBAL.{name}").scalar() for name in values
        }
        for name, value in values.items():
            connection.execute(text(f"SET GLOBAL {name} = :value"), {"value": value})
    yield
    with admin.begin() as connection:
        for name, old in before.items():
            connection.execute(text(f"SET GLOBAL {name} = :value"), {"value": old})


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT", "?charset=latin1&collation=latin1_german1_ci"),
        ("", ""),  # not strict
    ],
)
def test_the_defaults_of_the_server_do_not_matter(mariadb: MariaDB, admin: Engine, mode: str, options: str) -> None:
    name = mariadb.unused_name()
    with admin.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci")
    defaults = {
        "sql_mode": mode,
        "time_zone": "+05:30",
        "tx_isolation": "SERIALIZABLE",
        "character_set_server": "latin1",
    }
    with server_defaults(admin, **defaults), opened(mariadb.url_of(name) + options) as engine:
        schema.upgrade(mariadb.url_of(name) + options)
        assert schema.differences(engine) == []
        record = example(1, url="https://example.org/b\\'ü🐈\"", label="🐈 \\n 'Größe'", model="Bücher-日本")
        assert write_records(engine, [record]) == 1
        assert History(engine, [b"key"]).get(record.id) == record
        with pytest.raises(DataError):
            write_records(engine, [example(2, format="too long " * 10)])
        with engine.connect() as connection:
            session = connection.exec_driver_sql("SELECT @@tx_isolation, @@character_set_connection, @@sql_mode").one()
        assert session == ("READ-COMMITTED", "utf8mb4", "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION")


def test_an_unencrypted_server_is_not_used_if_the_url_demands_encryption(mariadb: MariaDB) -> None:
    url = mariadb.fresh_database()
    with (
        opened(f"{url}?ssl_ca={quote(certifi.where())}&ssl_verify_cert=true") as engine,
        pytest.raises(OperationalError),
    ):
        engine.connect()
    with opened(f"{url}?ssl_disabled=true") as engine, engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()[1] == ""


def test_a_unix_socket(mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    url = mariadb.fresh_database()
    name = url.rpartition("/")[2]
    monkeypatch.chdir(mariadb.socket.parent)  # so that the path is short
    socket = quote(mariadb.socket.name)
    with opened(f"mysql://root@/{name}?unix_socket={socket}") as engine, engine.connect() as connection:
        assert connection.scalar(text("SELECT DATABASE()")) == name
