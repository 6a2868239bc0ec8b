"""Claims about a user from an identity provider, sanitized: they are untrusted input."""

from dataclasses import dataclass
from typing import Final

from auth.users import emails

_MAX_TEXT_LENGTH: Final = 200
_MAX_SUBJECT_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class UserClaims:
    """``issuer`` and ``subject`` identify the user; username and e-mail address can change and prove nothing."""

    issuer: str
    subject: str
    username: str
    """Suggested name for a new account; may be empty."""
    email: str
    """May be empty."""


def printable_text(value: object) -> str:
    """One line of at most 200 printable characters for a page, a log or a username; empty if not a string."""
    text = value if isinstance(value, str) else ""
    return "".join(character if character.isprintable() else " " for character in text[:_MAX_TEXT_LENGTH]).strip()


def email_claim(value: object) -> str:
    """The normalized e-mail address; empty if invalid."""
    email = value if isinstance(value, str) and value.isprintable() else ""
    return "" if emails.email_errors(email) else emails.normalize_email(email)


def subject_claim(value: object) -> str:
    """1 to 255 ASCII characters (OpenID Connect Core, section 2); empty if invalid.

    Surrounding spaces are invalid: MySQL ignores trailing spaces when it compares.
    """
    text = value if isinstance(value, str) and value.isascii() and value.isprintable() else ""
    return text if len(text) <= _MAX_SUBJECT_LENGTH and text == text.strip() else ""
