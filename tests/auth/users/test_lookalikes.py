"""Nobody gets a name that looks like that of another user, by any way to get a name."""

import pytest
from httpx import AsyncClient
from sqlalchemy import Connection, Engine, select, text

from auth.audit import RequestSource
from auth.database import write
from auth.errors import InvalidFields
from auth.tables import users
from auth.users.accounts import USERNAME_SIMILAR, USERNAME_TAKEN
from serve_app.database import schema
from serve_app.database.engine import connect
from tests.auth.application import PASSWORD, PASSWORD_HASH, Application, authenticate
from tests.auth.databases import both_databases
from tests.auth.user_factory import UserFactory

HERE = RequestSource("203.0.113.7", "test")


@pytest.fixture
def victim(application: Application) -> int:
    return application.auth.accounts.register("marnie", PASSWORD, source=HERE).id


@both_databases
async def test_registration(client: AsyncClient, victim: int):
    for name, error in {
        "mamie": USERNAME_SIMILAR,
        "MAMIE".title(): USERNAME_SIMILAR,
        "Marnie": USERNAME_TAKEN,
        "mаrnie": {"username": ["Use letters and digits of one script: a mixture can imitate another name."]},
    }.items():
        reply = await client.post("/auth/users/", json={"username": name, "password": PASSWORD})
        assert (reply.status_code, reply.json()) == (400, error), name


def test_the_command_line(application: Application, victim: int):
    with pytest.raises(InvalidFields, match="looks like"):
        application.auth.accounts.create_admin("mamie", PASSWORD)


def test_a_new_name(application: Application, victim: int):
    accounts = application.auth.accounts
    bob = accounts.register("bob", PASSWORD, source=HERE)
    with pytest.raises(InvalidFields, match="looks like"):
        accounts.update(bob.id, username="mamie", source=HERE)
    assert accounts.update(victim, username="mamie", source=HERE).username == "mamie"
    with pytest.raises(InvalidFields, match="looks like"):
        accounts.update(bob.id, username="marnie", source=HERE)


def test_names_suggested_by_a_provider(application: Application, database: Engine, victim: int):
    def add(name: str) -> str:
        add_user = application.auth.accounts.add_without_password
        return write(database, lambda connection: add_user(connection, name, "", source=HERE)).username

    assert add("mamie").startswith("mamie-")
    assert add("Анна Smith") == "Smith"
    assert add("Ѕmіth") == "m-th"


def test_a_deleted_user_frees_the_name(application: Application, victim: int):
    application.auth.accounts.delete(victim, actor_id=4711, source=HERE)
    assert application.auth.accounts.register("mamie", PASSWORD, source=HERE)


def test_older_names_keep_working(application: Application, factory: UserFactory, victim: int):
    mixed = factory.add("ivan_иван", password=PASSWORD_HASH)
    similar = factory.add("mamie", password=PASSWORD_HASH, username_skeleton=None)
    accounts = application.auth.accounts
    for name, user_id in {"ivan_иван": mixed, "mamie": similar}.items():
        assert authenticate(accounts, name, PASSWORD, source=HERE).id == user_id
        assert accounts.update(user_id, username=name, email="new@example.org", source=HERE).email == "new@example.org"


def test_the_oldest_of_existing_names_that_look_the_same_keeps_its_skeleton(empty_url: str):
    schema.upgrade(empty_url)
    auth_tables = schema.MIGRATION_SETS[1]
    schema.downgrade(empty_url, auth_tables, "0001")
    engine = connect(empty_url)
    names = ["marnie", "mamie", "bob", "Mamie2", "marnie2"]
    with engine.begin() as connection:
        _add(connection, names)
    schema.upgrade(empty_url)
    with engine.connect() as connection:
        has_skeleton = users.c.username_skeleton.is_not(None)
        found = {row[0]: bool(row[1]) for row in connection.execute(select(users.c.username, has_skeleton))}
    assert {name: bool(found[name]) for name in names} == dict(
        zip(names, [True, False, True, True, False], strict=True)
    )
    engine.dispose()


def _add(connection: Connection, names: list[str]) -> None:
    statement = text(
        "INSERT INTO users (username, username_key, email, role, created_us) VALUES (:name, :key, '', 'user', 0)"
    )
    connection.execute(statement, [{"name": name, "key": name.lower()} for name in names])
