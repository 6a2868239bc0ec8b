"""One enabled admin always remains, once there is one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth.audit import RequestSource
from auth.errors import PermissionDenied
from auth.users.accounts import AccountService
from tests.auth.application import Application
from tests.auth.databases import both_databases
from tests.auth.user_factory import UserFactory

HERE = RequestSource("203.0.113.7", "test")
SOMEBODY = 4711

Removal = Callable[[AccountService, int, int | None], object]


def demote(accounts: AccountService, user_id: int, actor_id: int | None) -> None:
    accounts.set_role(user_id, "user", actor_id=actor_id, source=HERE)


def disable(accounts: AccountService, user_id: int, actor_id: int | None) -> None:
    accounts.set_disabled(user_id, True, actor_id=actor_id, source=HERE)


def delete(accounts: AccountService, user_id: int, actor_id: int | None) -> None:
    accounts.delete(user_id, actor_id=actor_id, source=HERE)


@pytest.fixture
def accounts(application: Application) -> AccountService:
    return application.auth.accounts


@pytest.fixture(params=[demote, disable, delete])
def remove(request: pytest.FixtureRequest) -> Removal:
    remove: Removal = request.param
    return remove


def admins(accounts: AccountService) -> list[str]:
    return sorted(user.username for user in accounts.find() if user.role == "admin" and not user.is_disabled)


def test_only_the_last_admin_cannot_be_removed(accounts: AccountService, factory: UserFactory, remove: Removal):
    factory.add("former", role="admin", disabled_us=1)
    factory.add("gone", role="admin", deleted_us=1)
    remove(accounts, factory.add("alice"), SOMEBODY)
    root, second = factory.add("root", role="admin"), factory.add("second", role="admin")
    remove(accounts, second, root)
    assert admins(accounts) == ["root"]
    with pytest.raises(PermissionDenied, match="the only admin"):
        remove(accounts, root, SOMEBODY)
    assert admins(accounts) == ["root"]


def test_a_disabled_admin_may_be_demoted_deleted_and_enabled(accounts: AccountService, factory: UserFactory):
    factory.add("root", role="admin")
    demoted, deleted, enabled = (factory.add(name, role="admin", disabled_us=1) for name in ("one", "two", "three"))
    demote(accounts, demoted, SOMEBODY)
    delete(accounts, deleted, SOMEBODY)
    accounts.set_disabled(enabled, False, actor_id=SOMEBODY, source=HERE)
    assert admins(accounts) == ["root", "three"]


@both_databases
def test_of_two_admins_who_remove_each_other_one_remains(
    accounts: AccountService, factory: UserFactory, remove: Removal
):
    left, right = factory.add("left", role="admin"), factory.add("right", role="admin")

    def is_removed(user_id: int, actor_id: int) -> bool:
        try:
            remove(accounts, user_id, actor_id)
        except PermissionDenied:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(is_removed, [left, right], [right, left])) == [False, True]
    assert len(admins(accounts)) == 1
