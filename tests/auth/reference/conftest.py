from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import Engine, delete

from auth.passwords.hashing import Passwords
from auth.tables import auth_metadata
from serve_app.database import schema
from serve_app.database.engine import connect
from tests.auth.application import Application, create
from tests.auth.reference.comparison import ALICE, PASSWORD, REGISTER, Both, Side, post
from tests.auth.reference.server import Djoser
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

HASHED = Passwords(min_length=15).hash(PASSWORD)


@pytest.fixture(scope="session")
def djoser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Djoser]:
    server = Djoser(tmp_path_factory.mktemp("djoser"))
    server.start()
    yield server
    server.stop()


@dataclass(frozen=True)
class Lasting:
    """Made once: these tests are many and short."""

    application: Application
    engine: Engine

    def forget_everybody(self) -> None:
        with self.engine.begin() as connection:
            for table in reversed(auth_metadata.sorted_tables):
                connection.execute(delete(table))
        self.application.forget()

    def invite_alice(self) -> str:
        """Her token. Nothing is hashed: that would take the longest of most tests."""
        factory = UserFactory(self.engine, self.application.clock)
        alice = factory.add(ALICE["username"], email=ALICE["email"], password=HASHED)
        return factory.issue(alice, "token")


@pytest.fixture(scope="session")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lasting]:
    url = f"sqlite:///{tmp_path_factory.mktemp('ours') / 'raylens.db'}"
    schema.upgrade(url)
    engine = connect(url)
    yield Lasting(create(engine, MovableClock()), engine)
    engine.dispose()


@pytest.fixture
async def both(djoser: Djoser, lasting: Lasting) -> AsyncIterator[Both]:
    """Nobody is there yet."""
    lasting.forget_everybody()
    async with httpx.AsyncClient(base_url=djoser.url, trust_env=False, timeout=20) as theirs:
        await theirs.post("/forget-everybody/")
        async with lasting.application.client() as ours:
            yield Both(Side(theirs), Side(ours))


@pytest.fixture
async def both_with_alice(both: Both, lasting: Lasting) -> Both:
    await both.theirs.ask(post(REGISTER, ALICE))
    await both.theirs.sign_alice_in()
    both.ours.token = lasting.invite_alice()
    return both
