"""E-mail addresses of users. They are optional and not unique; Raylens sends no mail."""

from typing import Final

import idna
from email_validator import EmailNotValidError, validate_email

_MAX_LENGTH: Final = 254


def email_errors(email: str) -> list[str]:
    """Validation errors, in Django's wording."""
    if not email:
        return []
    if len(email) > _MAX_LENGTH:
        return [f"Ensure this field has no more than {_MAX_LENGTH} characters."]
    try:
        validate_email(
            email,
            allow_smtputf8=False,
            allow_domain_literal=True,
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError:
        return ["Enter a valid email address."]
    return []


def normalize_email(email: str) -> str:
    """The stored form, with the domain in lower case and in ASCII, which shows letters of other scripts as such."""
    name, at, domain = email.strip().rpartition("@")
    return name + at + _ascii_domain(domain)


def _ascii_domain(domain: str) -> str:
    try:
        return domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:  # an invalid address, which is not stored
        return domain.lower()
