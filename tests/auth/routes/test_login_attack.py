"""The attack that chaos tests use, against a real server."""

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.auth.application import PASSWORD, PASSWORD_HASH, Application
from tests.auth.user_factory import UserFactory
from tests.auth.web_server import running_server
from tests.chaos.attacks.logins import log_in, wrong_logins


@pytest.mark.parametrize("name", ["alice", None])
async def test_an_attack_counts_the_responses(application: Application, factory: UserFactory, name: str | None):
    for user in ("alice", "bob"):
        factory.add(user, password=PASSWORD_HASH)
    with running_server(application) as address:
        port = urlsplit(address).port or 0
        response, waited = await log_in("127.0.0.1", port, "bob", PASSWORD)
        assert (response.status, waited) == (200, 0)
        attack = asyncio.create_task(wrong_logins("127.0.0.1", port, per_second=40, name=name, is_patient=True))
        while application.auth.throttle.rejections < 3:  # noqa: ASYNC110 - a count of the service
            await asyncio.sleep(0.01)
        response, waited = await log_in("127.0.0.1", port, "bob", PASSWORD)
        attack.cancel()
        statuses = await attack
    assert (response.status, waited) == (200, 0), "his address is known"
    assert statuses.keys() <= {400, 429}
    assert min(statuses[400], statuses[429]) > 0
