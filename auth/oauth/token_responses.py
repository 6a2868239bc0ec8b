"""Responses of the token and introspection endpoints."""

from typing import Any

from auth.credentials.lifetimes import to_microseconds
from auth.oauth.grants import IssuedTokens
from auth.oauth.id_tokens import IdTokens, subject_of
from auth.oauth.tokens import Token
from auth.principal import Scope, render_scopes
from auth.settings import AuthSettings, TimeSource


class TokenResponses:
    def __init__(self, id_tokens: IdTokens, settings: AuthSettings, clock: TimeSource) -> None:
        self._id_tokens = id_tokens
        self._issuer = settings.public_url
        self._clock = clock

    def token(self, issued: IssuedTokens, *, nonce: str) -> dict[str, Any]:
        """RFC 6749, section 5.1, with an id_token for the scope ``openid``."""
        response: dict[str, Any] = {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "scope": render_scopes(issued.scopes),
        }
        if issued.refresh_token:
            left_us = issued.family.expires_us - to_microseconds(self._clock())
            response |= {"refresh_token": issued.refresh_token, "refresh_token_expires_in": round(left_us / 1e6)}
        if issued.family.user and Scope.OPENID in issued.scopes:
            response["id_token"] = self._id_tokens.encode(issued, issued.family.user, nonce=nonce)
        return response

    def introspection(self, token: Token) -> dict[str, Any]:
        """RFC 7662, section 2.2, for an active token."""
        user = token.family.user
        response: dict[str, Any] = {
            "active": True,
            "iss": self._issuer,
            "client_id": token.family.client_id,
            "sub": subject_of(user) if user else token.family.client_id,
            "scope": render_scopes(token.scopes),
            "iat": token.created_us // 1_000_000,
            "exp": token.expires_us // 1_000_000,
        }
        if user:
            response["username"] = user.username
        return response | ({"token_type": "Bearer"} if token.is_access else {})
