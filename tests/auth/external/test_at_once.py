"""Several tabs at the same moment, on SQLite and on MariaDB."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import Engine, delete

from auth.audit import RequestSource
from auth.errors import PermissionDenied
from auth.external.person import Person
from auth.external.providers import Provider
from auth.tables import identities
from auth.users.repository import get_for_update
from serve_app.database.engine import connect
from tests.auth.application import Application
from tests.auth.external.mock_provider import MockProvider
from tests.auth.external.traveller import Traveller
from tests.auth.user_factory import UserFactory


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


async def test_of_one_stranger_in_many_tabs_there_is_one_account(application: Application, mock_provider: MockProvider):
    async with AsyncExitStack() as stack:
        travellers = [Traveller(await stack.enter_async_context(application.client())) for _ in range(6)]
        ways = [mock_provider.sign_in((await each.depart()).url, "twin@example.org") for each in travellers]
        backs = await asyncio.gather(*(each.come_back(way) for each, way in zip(travellers, ways, strict=True)))
        assert [back.status_code for back in backs] == [303] * 6
        assert {await each.name() for each in travellers} == {"twin"}
    (user,) = application.auth.accounts.find()
    assert len(application.auth.identities.list(user.id)) == 1


def test_strangers_of_one_name_get_accounts_of_their_own(application: Application, provider: Provider):
    def sign_in(subject: str) -> int:
        person = Person(provider.issuer, subject, "twin", "twin@example.org")
        return application.auth.external.account_linking.sign_in(provider, person, source=RequestSource())

    with ThreadPoolExecutor(6) as threads:
        user_ids = set(threads.map(sign_in, "abcdef"))
    assert user_ids == {user.id for user in application.auth.accounts.find()}
    assert len(user_ids) == 6


def test_the_only_way_in_stays(application: Application, engine: Engine, factory: UserFactory, provider: Provider):
    """Who unlinks one waits for who is unlinking another."""
    user_id = factory.add("carol", password=None)
    for subject in ("one", "other"):
        person = Person(provider.issuer, subject, "", "")
        application.auth.external.account_linking.link(user_id, provider, person, source=RequestSource())
    one, other = application.auth.identities.list(user_id)
    with ThreadPoolExecutor(1) as threads:
        with engine.execution_options(writes=True).begin() as connection:
            get_for_update(connection, user_id)
            unlinking = threads.submit(application.auth.identities.unlink, user_id, one.id, source=RequestSource())
            time.sleep(0.3)
            assert not unlinking.done()
            connection.execute(delete(identities).where(identities.c.id == other.id))
        with pytest.raises(PermissionDenied, match="your only way in"):
            unlinking.result()
    assert application.auth.identities.list(user_id) == [one]


def test_one_identity_is_linked_to_one_of_two_who_ask(
    application: Application, factory: UserFactory, provider: Provider
):
    user_ids = [factory.add(name) for name in ("alice", "bob")]
    person = Person(provider.issuer, "shared", "", "")

    def link(user_id: int) -> str:
        try:
            application.auth.external.account_linking.link(user_id, provider, person, source=RequestSource())
        except PermissionDenied:
            return "refused"
        return "linked"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(link, user_ids)) == ["linked", "refused"]
