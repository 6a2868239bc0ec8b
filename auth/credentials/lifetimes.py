"""How long things last, seconds."""

from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

SESSION_IDLE_TIMEOUT: Final = 12 * HOUR
SESSION_LIFETIME: Final = 14 * DAY
TOKEN_IDLE_TIMEOUT: Final = 30 * DAY

CODE_LIFETIME: Final = MINUTE
ACCESS_TOKEN_LIFETIME: Final = 10 * MINUTE
REFRESH_TOKEN_LIFETIME: Final = 14 * DAY
"""In all, however often it is exchanged."""
REFRESH_TOKEN_GRACE: Final = 10
"""A refresh token that comes again within this is taken for a repeated request, not for a stolen one."""
CLIENT_CREDENTIALS_TOKEN_LIFETIME: Final = 15 * MINUTE
ID_TOKEN_LIFETIME: Final = 5 * MINUTE

PRINCIPAL_CACHE_TTL: Final = 5
"""After this a sign-out, a revocation or a disabled account holds on every replica."""
LAST_USED_RESOLUTION: Final = MINUTE
"""No more often is it written down that a credential was used."""


def to_microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
