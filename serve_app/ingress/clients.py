"""Where a request comes from."""

from starlette.requests import Request


def address_of(request: Request, hops: int) -> str:
    """The address of the client, as far as it can be trusted.

    Each proxy appends the address it saw to X-Forwarded-For; only what our own proxies (``hops`` of them) appended is
    believed. Without any it is the peer of the connection.
    """
    if hops:
        forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
        if len(forwarded) >= hops:
            return forwarded[-hops]
    return request.client.host if request.client else "unknown"
