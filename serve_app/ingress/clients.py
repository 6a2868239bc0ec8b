"""Client addresses."""

from starlette.requests import Request


def address_of(request: Request, hops: int) -> str:
    """The address of the client.

    Each proxy appends the address of its peer to X-Forwarded-For; only the entries of the ``hops`` trusted proxies are
    used. Without trusted proxies it is the peer of the connection.
    """
    if hops:
        forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
        if len(forwarded) >= hops:
            return forwarded[-hops]
    return request.client.host if request.client else "unknown"
