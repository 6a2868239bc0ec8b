"""Secrets that this service makes: 256 random bits behind a prefix that tells what they are for."""

import hashlib
import secrets
from enum import StrEnum


class Prefix(StrEnum):
    """Searchable where one leaks, and the table to look it up in."""

    SESSION = "rls_"
    TOKEN = "rlt_"  # noqa: S105
    KEY = "rlk_"
    ACCESS = "rla_"
    REFRESH = "rlr_"
    CODE = "rlc_"
    CLIENT = "rlx_"


PREFIX_LENGTH = 4
HINT_LENGTH = 10


def new_secret(prefix: Prefix) -> str:
    """URL-safe; told once, then only its digest is known."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """32 bytes to keep and look up. What is this random needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def hint_of(secret: str) -> str:
    """The start of a secret, for its owner to know it by."""
    return secret[:HINT_LENGTH]
