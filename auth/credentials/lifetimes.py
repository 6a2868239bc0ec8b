"""How long things last, seconds."""

from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

SESSION_IDLE: Final = 12 * HOUR
SESSION: Final = 14 * DAY
TOKEN_IDLE: Final = 30 * DAY

CODE: Final = MINUTE
ACCESS: Final = 10 * MINUTE
REFRESH: Final = 14 * DAY
"""In all, however often it is exchanged."""
REFRESH_GRACE: Final = 10
"""A refresh token that comes again within this is taken for a repeated request, not for a stolen one."""
CLIENT_CREDENTIALS: Final = 15 * MINUTE
ID_TOKEN: Final = 5 * MINUTE

PRINCIPAL_CACHE: Final = 5
"""After this a sign-out, a revocation or a disabled account holds on every replica."""
SEEN_EVERY: Final = MINUTE
"""No more often is it written down that a credential was used."""


def microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
