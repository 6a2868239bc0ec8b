"""Words of others, made fit to be shown and kept."""

from typing import Final

from auth.users import emails

LONGEST: Final = 200


def shown(value: object) -> str:
    """For a page, a log or a name: one line, not too long, nothing invisible; empty if it is no text."""
    text = value if isinstance(value, str) else ""
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST]).strip()


def address(value: object) -> str:
    """An e-mail address; empty if it is not one."""
    email = value if isinstance(value, str) and value.isprintable() else ""
    return "" if emails.email_errors(email) else emails.normalize_email(email)


def subject(value: object) -> str:
    """What a provider calls somebody: 1 to 255 ASCII characters (OpenID Connect Core, 2); empty if it is not that.

    MySQL takes names that differ only in spaces at the end for one, so there are none.
    """
    text = value if isinstance(value, str) and value.isascii() and value.isprintable() else ""
    return text if len(text) <= 255 and text == text.strip() else ""
