"""Who asks: the name rate limits are kept under."""

from starlette.requests import Request

from serve_app.rate_limit import address_client
from serve_app.settings import Settings


def client_of(request: Request, settings: Settings) -> str:
    """The address of the client, as far as it can be trusted.

    Each proxy appends the address it saw to X-Forwarded-For; only what our own proxies appended is believed, and
    how many those are is a setting. Without any it is the peer of the connection.
    """
    hops = settings.forwarded_hops
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return address_client(forwarded[-hops])
    return address_client(request.client.host if request.client else "unknown")
