"""UserInfo endpoint (OpenID Connect Core, section 5.3)."""

from typing import Any

from auth.errors import InvalidCredential
from auth.http.permissions import require, user_of
from auth.oauth.id_tokens import subject_of
from auth.principal import Principal, Scope


def userinfo(principal: Principal | None) -> dict[str, Any]:
    """Claims about the user of an access token.

    Raises NotAuthenticated, InvalidCredential for any other credential, InsufficientScope without ``openid``, and
    PermissionDenied for a client without a user.
    """
    if principal and principal.kind != "access":
        raise InvalidCredential("An OAuth access token is required.")
    principal = require(principal, Scope.OPENID)
    user = user_of(principal)
    claims: dict[str, Any] = {"sub": subject_of(user)}
    if Scope.PROFILE in principal.scopes:
        claims["preferred_username"] = user.username
        if user.email:
            claims |= {"email": user.email, "email_verified": False}
    return claims
