"""Known browsers: those in which a user has signed in. They permit nothing, and attempts from them count apart.

A browser has a random secret in a cookie. Of each user who signed in with it the database has one digest of secret and
user, so users who share a browser cannot be linked to each other. It has neither address nor browser.
"""

from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from auth.credentials.lifetimes import BROWSER_LIFETIME, to_microseconds
from auth.credentials.secret import Prefix, digest_of, new_secret
from auth.settings import TimeSource
from auth.tables import credentials

KIND: Final = "browser"
SECRET_LENGTH: Final = len(new_secret(Prefix.BROWSER))
MAX_BROWSERS: Final = 20
"""Per user. The one that was not used for the longest time is forgotten."""


class BrowserStore:
    """A password change, signing out everywhere else and the deletion of the account forget the browsers of a user."""

    def __init__(self, clock: TimeSource) -> None:
        self._clock = clock

    def find(self, connection: Connection, user_id: int, secret: str) -> int | None:
        """The id of the browser with this secret, if this user has signed in from it."""
        query = select(credentials.c.id, credentials.c.expires_us).where(_is(user_id, secret))
        row = connection.execute(query).one_or_none()
        return row.id if row and row.expires_us > to_microseconds(self._clock()) else None

    def remember(self, connection: Connection, user_id: int, secret: str | None) -> str:
        """Remember the browser for this user. Returns its secret, a new one if ``secret`` is none."""
        if secret is None or not is_browser_secret(secret):
            secret = new_secret(Prefix.BROWSER)
        now = self._clock()
        used = {"seen_us": to_microseconds(now), "expires_us": to_microseconds(now + BROWSER_LIFETIME)}
        if not connection.execute(update(credentials).where(_is(user_id, secret)).values(used)).rowcount:
            self._forget_oldest(connection, user_id)
            new = {"kind": KIND, "digest": _digest(user_id, secret), "user_id": user_id, "created_us": used["seen_us"]}
            empty = dict.fromkeys(("name", "hint", "scopes", "address", "user_agent"), "")
            connection.execute(insert(credentials).values(new | empty | used))
        return secret

    def forget_all(self, connection: Connection, user_id: int, *, except_secret: str | None = None) -> None:
        theirs = (credentials.c.user_id == user_id) & (credentials.c.kind == KIND)
        if except_secret is not None:
            theirs &= credentials.c.digest != _digest(user_id, except_secret)
        connection.execute(delete(credentials).where(theirs))

    def _forget_oldest(self, connection: Connection, user_id: int) -> None:
        theirs = (credentials.c.user_id == user_id) & (credentials.c.kind == KIND)
        order = credentials.c.seen_us.desc(), credentials.c.id.desc()
        ids = connection.scalars(select(credentials.c.id).where(theirs).order_by(*order)).all()
        connection.execute(delete(credentials).where(credentials.c.id.in_(ids[MAX_BROWSERS - 1 :])))


def is_browser_secret(text: str) -> bool:
    return text.startswith(Prefix.BROWSER) and len(text) == SECRET_LENGTH


def _is(user_id: int, secret: str) -> ColumnElement[bool]:
    return (credentials.c.digest == _digest(user_id, secret)) & (credentials.c.kind == KIND)


def _digest(user_id: int, secret: str) -> bytes:
    return digest_of(f"{secret} {user_id}")
