"""Every error of this package.

The tree::

    AuthError
    ├── InvalidFields (400)        one message or more for each field that is wrong
    ├── InvalidLogin (400)         unknown user or wrong password: nobody learns which
    ├── SignInFailed (400)         a sign-in with others came to nothing; it has to be begun again
    ├── NotAuthenticated (401)     came with nothing, and something is needed
    ├── InvalidCredential (401)    came with something that is no good (any more)
    ├── InsufficientScope (403)
    ├── CrossSiteRequest (403)     a browser's write that another site may have made it send
    ├── NotAllowed (403)
    ├── NoSuchThing (404)
    ├── Throttled (429)            too many failed sign-ins
    ├── ProviderFault (502)        what another answered cannot be read or believed
    ├── ProviderDown (503)         another does not answer
    └── Busy (503)                 too many passwords to check at once

The message is for the person who reads it. How it goes out depends on the route: as a problem document, in the form of
Djoser, or of OAuth.
"""

from typing import ClassVar


class AuthError(Exception):
    """Base of them all. ``challenge`` is the WWW-Authenticate header, ``retry_after`` seconds."""

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
    title = "Wrong name or password"


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
    title = "Not allowed with this token"


class CrossSiteRequest(AuthError):
    status = 403
    code = "cross_site_request"
    title = "Not sent by the web app"


class NotAllowed(AuthError):
    status = 403
    code = "not_allowed"
    title = "Not allowed"


class NoSuchThing(AuthError):
    status = 404
    code = "not_found"
    title = "Not found"


class Throttled(AuthError):
    status = 429
    code = "throttled"
    title = "Too many failed sign-ins"


class ProviderFault(AuthError):
    status = 502
    code = "provider_fault"
    title = "The provider's answer cannot be used"


class ProviderDown(AuthError):
    status = 503
    code = "provider_down"
    title = "The provider does not answer"
    retry_after = 5.0


class Busy(AuthError):
    status = 503
    code = "busy"
    title = "Busy"
    retry_after = 1.0
