"""Concurrent sign-ins and links, on SQLite and on MariaDB."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import Engine, delete

from auth.audit import RequestSource
from auth.errors import PermissionDenied
from auth.external.claims import UserClaims
from auth.external.providers import Provider
from auth.tables import identities
from auth.users.repository import get_for_update
from tests.auth.application import Application
from tests.auth.databases import both_databases
from tests.auth.external.browser import Browser
from tests.auth.external.mock_provider import MockProvider
from tests.auth.user_factory import UserFactory

pytestmark = both_databases


async def test_concurrent_sign_ins_of_one_identity_create_one_account(
    application: Application, mock_provider: MockProvider
):
    async with AsyncExitStack() as stack:
        browsers = [Browser(await stack.enter_async_context(application.client())) for _ in range(6)]
        urls = [mock_provider.sign_in((await browser.start_login()).url, "twin@example.org") for browser in browsers]
        responses = await asyncio.gather(
            *(browser.finish_login(url) for browser, url in zip(browsers, urls, strict=True))
        )
        assert [response.status_code for response in responses] == [303] * 6
        assert {await browser.username() for browser in browsers} == {"twin"}
    (user,) = application.auth.accounts.find()
    assert len(application.auth.identities.list(user.id)) == 1


def test_users_with_the_same_name_get_separate_accounts(application: Application, provider: Provider):
    def sign_in(subject: str) -> int:
        claims = UserClaims(provider.issuer, subject, "twin", "twin@example.org")
        return application.auth.external.account_linking.sign_in(provider, claims, source=RequestSource())

    with ThreadPoolExecutor(6) as threads:
        user_ids = set(threads.map(sign_in, map(str, range(6))))
    assert user_ids == {user.id for user in application.auth.accounts.find()}
    assert len(user_ids) == 6


def test_concurrent_unlinking_leaves_one_identity(
    application: Application, database: Engine, factory: UserFactory, provider: Provider
):
    user_id = factory.add("carol", password=None)
    for subject in ("one", "other"):
        claims = UserClaims(provider.issuer, subject, "", "")
        application.auth.external.account_linking.link(user_id, provider, claims, source=RequestSource())
    one, other = application.auth.identities.list(user_id)
    with ThreadPoolExecutor(1) as threads:
        with database.execution_options(writes=True).begin() as connection:
            get_for_update(connection, user_id)
            unlinking = threads.submit(application.auth.identities.unlink, user_id, one.id, source=RequestSource())
            time.sleep(0.3)
            assert not unlinking.done()
            connection.execute(delete(identities).where(identities.c.id == other.id))
        with pytest.raises(PermissionDenied, match="your only way to sign in"):
            unlinking.result()
    assert application.auth.identities.list(user_id) == [one]


def test_only_one_of_two_users_can_link_an_identity(application: Application, factory: UserFactory, provider: Provider):
    claims = UserClaims(provider.issuer, "shared", "", "")

    def link(user_id: int) -> str:
        try:
            application.auth.external.account_linking.link(user_id, provider, claims, source=RequestSource())
        except PermissionDenied:
            return "rejected"
        return "linked"

    user_ids = [factory.add(name) for name in ("alice", "bob")]
    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(link, user_ids)) == ["linked", "rejected"]
