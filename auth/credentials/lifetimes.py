"""Lifetimes of credentials, seconds."""

from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

SESSION_IDLE_TIMEOUT: Final = 12 * HOUR
SESSION_LIFETIME: Final = 14 * DAY
TOKEN_IDLE_TIMEOUT: Final = 30 * DAY
BROWSER_LIFETIME: Final = 90 * DAY
"""After the last sign-in."""

CODE_LIFETIME: Final = MINUTE
CODE_GRACE: Final = 1
"""A code used again within this time counts as a repeated request, later as stolen. Concurrent requests with one code
are repeated ones: a client may have sent it twice."""
ACCESS_TOKEN_LIFETIME: Final = 10 * MINUTE
REFRESH_TOKEN_LIFETIME: Final = 14 * DAY
"""Of the whole family, however often the token is rotated."""
REFRESH_TOKEN_GRACE: Final = 10
"""A refresh token used again within this time counts as a repeated request, later as stolen."""
CLIENT_CREDENTIALS_TOKEN_LIFETIME: Final = 15 * MINUTE
ID_TOKEN_LIFETIME: Final = 5 * MINUTE

PRINCIPAL_CACHE_TTL: Final = 5
"""After this, a sign-out, a revocation or a disabled account takes effect on every replica."""
LAST_USED_RESOLUTION: Final = MINUTE
"""The last use of a credential is stored at most this often."""


def to_microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
