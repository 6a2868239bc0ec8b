"""There always is an admin, once there was one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth.audit import RequestSource
from auth.errors import PermissionDenied
from auth.users.accounts import AccountService
from tests.auth.application import Application
from tests.auth.user_factory import UserFactory

HERE = RequestSource("203.0.113.7", "test")
SOMEBODY = 4711

Ends = Callable[[AccountService, int, int | None], object]


def demotes(accounts: AccountService, user_id: int, actor_id: int | None) -> None:
    accounts.set_role(user_id, "user", actor_id=actor_id, source=HERE)


def disables(accounts: AccountService, user_id: int, actor_id: int | None) -> None:
    accounts.set_disabled(user_id, True, actor_id=actor_id, source=HERE)


def deletes(accounts: AccountService, user_id: int, actor_id: int | None) -> None:
    accounts.delete(user_id, actor_id=actor_id, source=HERE)


@pytest.fixture
def accounts(application: Application) -> AccountService:
    return application.auth.accounts


@pytest.fixture(params=[demotes, disables, deletes])
def ends(request: pytest.FixtureRequest) -> Ends:
    ends: Ends = request.param
    return ends


def admins(accounts: AccountService) -> list[str]:
    return sorted(user.username for user in accounts.find() if user.role == "admin" and not user.is_disabled)


def test_the_only_admin_stays_one(accounts: AccountService, factory: UserFactory, ends: Ends):
    root = factory.add("root", role="admin")
    factory.add("former", role="admin", disabled_us=1)
    factory.add("gone", role="admin", deleted_us=1)
    factory.add("alice")
    with pytest.raises(PermissionDenied, match="the only admin"):
        ends(accounts, root, SOMEBODY)
    assert admins(accounts) == ["root"]


def test_one_of_two_may_go(accounts: AccountService, factory: UserFactory, ends: Ends):
    root, second = factory.add("root", role="admin"), factory.add("second", role="admin")
    ends(accounts, second, root)
    assert admins(accounts) == ["root"]


def test_who_is_no_admin_may_go_where_there_is_none(accounts: AccountService, factory: UserFactory, ends: Ends):
    factory.add("former", role="admin", disabled_us=1)
    ends(accounts, factory.add("alice"), SOMEBODY)


def test_a_disabled_admin_may_be_demoted_deleted_and_let_in_again(accounts: AccountService, factory: UserFactory):
    factory.add("root", role="admin")
    demoted, deleted, again = (factory.add(name, role="admin", disabled_us=1) for name in ("one", "two", "three"))
    demotes(accounts, demoted, SOMEBODY)
    deletes(accounts, deleted, SOMEBODY)
    accounts.set_disabled(again, False, actor_id=SOMEBODY, source=HERE)
    assert admins(accounts) == ["root", "three"]


def test_of_two_who_end_each_other_at_once_one_stays(accounts: AccountService, factory: UserFactory, ends: Ends):
    left, right = factory.add("left", role="admin"), factory.add("right", role="admin")

    def end(user_id: int, actor_id: int) -> bool:
        try:
            ends(accounts, user_id, actor_id)
        except PermissionDenied:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(end, [left, right], [right, left])) == [False, True]
    assert len(admins(accounts)) == 1
