"""E-mail addresses of users. They are optional and not unique; Raylens sends no mail."""

from typing import Final

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
    """The stored form, with the domain in lower case."""
    name, at, domain = email.strip().rpartition("@")
    return name + at + domain.lower()
