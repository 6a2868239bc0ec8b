"""What to tell a client when a connection fails."""

import ssl

import httpcore

from serve_app.fetch.response_guard import CostlyResponse


def describe_failure(error: BaseException, host: str) -> str:
    """One sentence about a network error."""
    if tls := _tls_error(error):
        return _describe_tls(tls, host)
    if isinstance(error, httpcore.ProxyError):
        return f"The proxy for images refuses the connection to {host} ({error})."
    return f"The connection to {host} failed: {_reason(error)}."


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _describe_tls(error: ssl.SSLError, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {host} is not trusted: {error.verify_message.rstrip('.')}."
    reason = (error.reason or "connection closed").lower().replace("_", " ")
    return f"No encrypted connection to {host} was possible: {reason}."


def _reason(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, CostlyResponse):
        return text
    if "Receive buffer too long" in text:
        return "the headers of the response are too long"
    if "without sending a response" in text:
        return "the server closed it without a response"
    if "complete message body" in text or "closed connection without" in text:
        return "the server closed it before the image was complete"
    if isinstance(error, httpcore.ProtocolError):
        return "the response is not valid HTTP/1.1"
    return "it was interrupted"
