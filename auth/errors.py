"""Every error of this package.

The tree::

    AuthError
    ├── InvalidFields (400)             one or more messages for each invalid field
    ├── InvalidLogin (400)              unknown user or wrong password; which of the two is not disclosed
    ├── SignInFailed (400)              an external sign-in failed and has to be started again
    ├── NotAuthenticated (401)          the request has no credential and needs one
    ├── InvalidCredential (401)         the credential is unknown, expired or revoked
    ├── InsufficientScope (403)
    ├── CrossSiteRequest (403)          a write that another site may have made the browser send
    ├── PermissionDenied (403)
    ├── ResourceNotFound (404)
    ├── TooManyRequests (429)           too many of the user's requests are in progress
    ├── Throttled (429)                 too many failed sign-ins or new accounts
    ├── InvalidProviderResponse (502)   the provider's response is malformed or not trustworthy
    ├── ProviderUnavailable (503)       the provider does not respond
    └── Busy (503)                      too many passwords are waiting to be hashed

The message is for people. The route decides how it is sent: as a problem document, or in the format of Djoser or OAuth.
"""

from typing import ClassVar


class AuthError(Exception):
    """Base class. ``challenge`` is the ``WWW-Authenticate`` header, ``retry_after`` is in seconds."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid_request"
    title: ClassVar[str] = "Invalid request"
    challenge: str | None = None
    retry_after: float | None = None

    def __init__(self, message: str, *, challenge: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.challenge = challenge or self.challenge
        self.retry_after = retry_after or self.retry_after


class InvalidFields(AuthError):
    code = "invalid_fields"
    title = "Invalid fields"

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__(" ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items()))
        self.fields = fields


class InvalidLogin(AuthError):
    code = "invalid_login"
    title = "Wrong username or password"


class SignInFailed(AuthError):
    code = "sign_in_failed"
    title = "Not signed in"


class NotAuthenticated(AuthError):
    status = 401
    code = "not_authenticated"
    title = "Not signed in"
    challenge = "Bearer"


class InvalidCredential(AuthError):
    status = 401
    code = "invalid_token"
    title = "Invalid token"
    challenge = 'Bearer error="invalid_token"'


class InsufficientScope(AuthError):
    status = 403
    code = "insufficient_scope"
    title = "Insufficient scope"


class CrossSiteRequest(AuthError):
    status = 403
    code = "cross_site_request"
    title = "Cross-site request"


class PermissionDenied(AuthError):
    status = 403
    code = "not_allowed"
    title = "Permission denied"


class ResourceNotFound(AuthError):
    status = 404
    code = "not_found"
    title = "Not found"


class TooManyRequests(AuthError):
    status = 429
    code = "too_many_requests"
    title = "Too many requests"
    retry_after = 5.0


class Throttled(AuthError):
    status = 429
    code = "throttled"
    title = "Too many failed sign-ins"


class InvalidProviderResponse(AuthError):
    status = 502
    code = "provider_fault"
    title = "Invalid provider response"


class ProviderUnavailable(AuthError):
    status = 503
    code = "provider_down"
    title = "Provider unavailable"
    retry_after = 5.0


class Busy(AuthError):
    status = 503
    code = "busy"
    title = "Busy"
    retry_after = 1.0
