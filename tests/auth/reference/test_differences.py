"""Each deliberate difference is there: the original does the one, we do the other."""

import pytest

from tests.auth.reference.comparison import (
    ALICE,
    LOGIN,
    LOGOUT,
    ME,
    PASSWORD,
    SET_PASSWORD,
    Both,
    Call,
    Reply,
    Side,
    post,
)
from tests.auth.reference.differences import ANYTHING, DIFFERENCES, NEW, Difference


def matches(reply: Reply, expected: tuple[int, object]) -> bool:
    status, body = expected
    return reply.status == status and (body is ANYTHING or reply.body == body)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: f"{difference.why}: {difference.call}"[:100])
async def test_the_difference_is_there(both_with_alice: Both, difference: Difference):
    for call in difference.before:
        await both_with_alice.ask(call)
    theirs, ours = await both_with_alice.ask(difference.call)
    assert matches(theirs, difference.theirs), theirs
    assert matches(ours, difference.ours), ours


def test_each_is_a_difference():
    assert [difference for difference in DIFFERENCES if difference.theirs == difference.ours] == []


async def signed_in_again(side: Side) -> Side:
    """Alice, elsewhere."""
    elsewhere = Side(side.client)
    elsewhere.token = (await side.ask(post(LOGIN, ALICE))).json()["auth_token"]
    return elsewhere


async def test_each_sign_in_has_a_token_of_its_own(both_with_alice: Both):
    statuses = []
    for side in (both_with_alice.theirs, both_with_alice.ours):
        elsewhere = await signed_in_again(side)
        await side.ask(post(LOGOUT, as_alice=True))
        statuses.append((await elsewhere.ask(Call("GET", ME, as_alice=True))).status_code)
    assert statuses == [401, 200]


async def test_a_new_password_ends_the_other_tokens(both_with_alice: Both):
    statuses = []
    for side in (both_with_alice.theirs, both_with_alice.ours):
        elsewhere = await signed_in_again(side)
        says = {"current_password": PASSWORD, "new_password": NEW}
        assert (await elsewhere.ask(post(SET_PASSWORD, says, as_alice=True))).status_code == 204
        assert (await elsewhere.ask(Call("GET", ME, as_alice=True))).status_code == 200
        statuses.append((await side.ask(Call("GET", ME, as_alice=True))).status_code)
    assert statuses == [200, 401]
