"""User administration on the configured database, for commands that need no running server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auth.audit import OPERATOR_ID, RequestSource
from auth.errors import AuthError, ResourceNotFound
from auth.principal import Role, User
from auth.service import Auth
from serve_app.cli.database_errors import database_errors
from serve_app.cli.errors import CommandError, UsageError
from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.settings import MissingSecretKey, settings
from serve_app.statistics.history import History

COMMAND_LINE: Final = RequestSource(user_agent="raylens command line")
"""Source of the changes in the audit log."""
_PAGE_SIZE: Final = 200


class NoSuchUser(CommandError):
    """No user has this name."""

    exit_code = 3


class Administration:
    """Operations of an operator on users. Raises AuthError; ResourceNotFound for an unknown name."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth
        self._accounts = auth.accounts

    def named(self, name: str) -> User:
        """The user of this name. Raises ResourceNotFound."""
        user = self._accounts.named(name)
        if user is None:
            raise ResourceNotFound(f"There is no user {name!r}; `raylens users list` lists all users.")
        return user

    def is_taken(self, name: str) -> bool:
        return self._accounts.named(name) is not None

    def create_admin(self, name: str, password: str, email: str) -> User:
        return self._accounts.create_admin(name, password, email)

    def set_role(self, name: str, role: Role) -> User:
        return self._accounts.set_role(self.named(name).id, role, actor_id=OPERATOR_ID, source=COMMAND_LINE)

    def set_disabled(self, name: str, disabled: bool) -> User:
        return self._accounts.set_disabled(self.named(name).id, disabled, actor_id=OPERATOR_ID, source=COMMAND_LINE)

    def delete(self, user: User) -> None:
        """Delete the user and their data. A running service deletes records still in flight within minutes."""
        self._accounts.delete(user.id, actor_id=OPERATOR_ID, source=COMMAND_LINE)
        self.auth.erase(user.id)

    def search(self, text: str) -> Iterator[User]:
        """Users with the text in their name or e-mail address, newest first; queried page by page."""
        before_id = None
        while users := self._accounts.find(text, before_id, _PAGE_SIZE):
            yield from users
            before_id = users[-1].id


@contextmanager
def administration(command: str) -> Iterator[Administration]:
    """User administration after upgrading the schema. Errors end the command with one line and an exit status."""
    with database_errors(command):
        url = settings().effective_database_url
        try:
            auth_settings = settings().auth
        except MissingSecretKey as error:
            raise UsageError(str(error)) from None
        schema.upgrade(url)
        engine = connect(url)
        try:
            history = History(engine, auth_settings.secret_keys)
            yield Administration(Auth(engine, auth_settings, address_of=lambda _request: "", erase=history.erase))
        except ResourceNotFound as error:
            raise NoSuchUser(error.message) from None
        except AuthError as error:
            raise UsageError(error.message) from None
        finally:
            engine.dispose()
