"""The users' part of the service on the database of the settings, for commands that need no server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auth.audit import OPERATOR, Origin
from auth.errors import AuthError, NoSuchThing
from auth.principal import Role, User
from auth.service import Auth
from serve_app.cli.database_errors import database_errors
from serve_app.cli.failure import Failure, WrongUsage
from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.settings import MissingSecretKey, settings
from serve_app.statistics.history import History

COMMAND_LINE: Final = Origin(user_agent="raylens command line")
"""Where a change came from, in the audit log."""
PAGE: Final = 200


class NoSuchUser(Failure):
    """Nobody has this name."""

    exit_code = 3


class Administration:
    """What an operator does to users. Raises AuthError; NoSuchThing for a name that nobody has."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth
        self._accounts = auth.accounts

    def named(self, name: str) -> User:
        user = self._accounts.named(name)
        if user is None:
            raise NoSuchThing(f"There is no user {name!r}; `raylens users list` shows them.")
        return user

    def is_taken(self, name: str) -> bool:
        return self._accounts.named(name) is not None

    def create_admin(self, name: str, password: str, email: str) -> User:
        return self._accounts.create_admin(name, password, email)

    def set_role(self, name: str, role: Role) -> User:
        return self._accounts.set_role(self.named(name).id, role, actor_id=OPERATOR, origin=COMMAND_LINE)

    def set_disabled(self, name: str, disabled: bool) -> User:
        return self._accounts.set_disabled(self.named(name).id, disabled, actor_id=OPERATOR, origin=COMMAND_LINE)

    def delete(self, user: User) -> None:
        """What was under way for them meanwhile, the service deletes within some minutes."""
        self._accounts.delete(user.id, actor_id=OPERATOR, origin=COMMAND_LINE)
        self.auth.erase(user.id)

    def found(self, text: str) -> Iterator[User]:
        """Those with the text in their name or e-mail address, newest first; asked for a page at a time."""
        before_id = None
        while users := self._accounts.find(text, before_id, PAGE):
            yield from users
            before_id = users[-1].id


@contextmanager
def administration(command: str) -> Iterator[Administration]:
    """Its tables are brought up to date first. What goes wrong is one line and an exit status."""
    with database_errors(command):
        url = settings().effective_database_url
        try:
            chosen = settings().auth
        except MissingSecretKey as error:
            raise WrongUsage(str(error)) from None
        schema.upgrade(url)
        engine = connect(url)
        try:
            history = History(engine, chosen.secret_keys)
            yield Administration(Auth(engine, chosen, address_of=lambda _request: "", erase=history.erase))
        except NoSuchThing as error:
            raise NoSuchUser(error.message) from None
        except AuthError as error:
            raise WrongUsage(error.message) from None
        finally:
            engine.dispose()
