"""What applications learn of a user (OpenID Connect)."""

from typing import Any

from auth.errors import InvalidCredential
from auth.http.permissions import require, user_of
from auth.oauth.id_tokens import subject_of
from auth.principal import Principal, Scope


def userinfo(principal: Principal | None) -> dict[str, Any]:
    """For the holder of an access token.

    Raises NotAuthenticated, InvalidCredential for any other credential, InsufficientScope without ``openid``, and
    PermissionDenied for an application on its own.
    """
    if principal and principal.kind != "access":
        raise InvalidCredential("This needs an access token of the OAuth server.")
    principal = require(principal, Scope.OPENID)
    user = user_of(principal)
    claims: dict[str, Any] = {"sub": subject_of(user)}
    if Scope.PROFILE in principal.scopes:
        claims["preferred_username"] = user.username
        if user.email:
            claims |= {"email": user.email, "email_verified": False}
    return claims
