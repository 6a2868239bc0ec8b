"""Applications, codes and tokens in the shapes that Authlib asks for."""

from dataclasses import dataclass

from auth.oauth.authorization_request import AuthorizationRequest
from auth.oauth.client import AUTHORIZATION_CODE, Client
from auth.oauth.codes import Code
from auth.oauth.refresh_tokens import RefreshToken
from auth.oauth.tokens import Token
from auth.principal import parse_scopes, render_scopes


@dataclass(frozen=True)
class ClientShape:
    client: Client

    def check_redirect_uri(self, uri: str) -> bool:
        return self.client.may_redirect_to(uri)

    def check_response_type(self, _response_type: str) -> bool:
        """Of the one there is."""
        return self.check_grant_type(AUTHORIZATION_CODE)

    def check_grant_type(self, grant: str) -> bool:
        return grant in self.client.grants

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """All that was asked for, or None: less than that would be a surprise."""
        asked = parse_scopes(scope) if scope else self.client.default_scopes
        return render_scopes(asked) if asked and asked <= self.client.scopes else None


@dataclass(frozen=True)
class Decision:
    """Who let the application do what it asked, and when they signed in."""

    asked: AuthorizationRequest
    user_id: int
    authenticated_us: int


@dataclass(frozen=True)
class CodeShape:
    code: Code

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri

    def get_scope(self) -> str:
        return render_scopes(self.code.family.scopes)


@dataclass(frozen=True)
class RefreshShape:
    token: RefreshToken

    def check_client(self, client: ClientShape) -> bool:
        return self.token.family.client_id == client.client.id

    def get_scope(self) -> str:
        return render_scopes(self.token.family.scopes)


@dataclass(frozen=True)
class TokenShape:
    token: Token

    def check_client(self, client: ClientShape) -> bool:
        return self.token.family.client_id == client.client.id

    def is_expired(self) -> bool:
        return not self.token.is_active

    def is_revoked(self) -> bool:
        return not self.token.is_active
