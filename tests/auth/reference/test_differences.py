"""Each deliberate difference exists: Djoser responds in one way, Raylens in the other."""

import pytest

from tests.auth.application import PASSWORD
from tests.auth.reference.comparison import ALICE, LOGIN, LOGOUT, ME, SET_PASSWORD, Call, Comparison, Reply, Side, post
from tests.auth.reference.differences import ANYTHING, DIFFERENCES, NEW


def matches(reply: Reply, expected: tuple[int, object]) -> bool:
    status, body = expected
    return reply.status == status and (body is ANYTHING or reply.body == body)


async def test_each_difference_exists(comparison: Comparison, subtests: pytest.Subtests):
    for difference in DIFFERENCES:
        with subtests.test(f"{difference.title}: {difference.call}"):
            await comparison.reset(with_alice=True)
            for call in difference.before:
                await comparison.send(call)
            reference, raylens = await comparison.send(difference.call)
            assert matches(reference, difference.reference), reference
            assert matches(raylens, difference.raylens), raylens
            assert difference.reference != difference.raylens


async def signed_in_again(side: Side) -> Side:
    """The same service with another token of alice."""
    return Side(side.client, (await side.send(post(LOGIN, ALICE))).json()["auth_token"])


async def test_each_sign_in_has_its_own_token(comparison: Comparison):
    await comparison.reset(with_alice=True)
    statuses = []
    for side in (comparison.reference, comparison.raylens):
        other = await signed_in_again(side)
        await side.send(post(LOGOUT, as_alice=True))
        statuses.append((await other.send(Call("GET", ME, as_alice=True))).status_code)
    assert statuses == [401, 200]


async def test_a_new_password_revokes_the_other_tokens(comparison: Comparison):
    await comparison.reset(with_alice=True)
    statuses = []
    for side in (comparison.reference, comparison.raylens):
        other = await signed_in_again(side)
        change = {"current_password": PASSWORD, "new_password": NEW}
        assert (await other.send(post(SET_PASSWORD, change, as_alice=True))).status_code == 204
        assert (await other.send(Call("GET", ME, as_alice=True))).status_code == 200
        statuses.append((await side.send(Call("GET", ME, as_alice=True))).status_code)
    assert statuses == [200, 401]
