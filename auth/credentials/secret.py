"""Generated secrets: 256 random bits after a prefix for their kind."""

import hashlib
import secrets
from enum import StrEnum


class Prefix(StrEnum):
    """Kind of a secret. Leaked secrets can be searched for by prefix."""

    SESSION = "rls_"
    TOKEN = "rlt_"  # noqa: S105
    KEY = "rlk_"
    ACCESS = "rla_"
    REFRESH = "rlr_"
    CODE = "rlc_"
    CLIENT = "rlx_"
    BROWSER = "rlb_"


PREFIX_LENGTH = 4
HINT_LENGTH = 10


def new_secret(prefix: Prefix) -> str:
    """A URL-safe secret. It is shown once; only its digest is stored."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """SHA-256, 32 bytes, for storage and look-up; a secret this random needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def hint_of(secret: str) -> str:
    """The beginning of a secret, by which its owner recognizes it."""
    return secret[:HINT_LENGTH]
