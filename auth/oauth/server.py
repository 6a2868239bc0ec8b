"""Authlib's OAuth 2.0 server, adapted.

Authlib decides what a request must contain and in which order it is validated. Overrides correct defaults that are
insecure or defective. Tokens are created outside of Authlib, which would log them.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request, errors, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from auth.credentials.secret import Prefix, new_secret
from auth.errors import ResourceNotFound
from auth.oauth.authorization_request import AuthorizationRequest, validation_errors
from auth.oauth.client import REFRESH_TOKEN, Client
from auth.oauth.client_authentication import client_credentials_of, invalid_client
from auth.oauth.clients import Clients
from auth.oauth.codes import AuthorizationCode
from auth.oauth.grants import Grants, IssuedTokens
from auth.oauth.redirect_uris import with_parameters
from auth.oauth.requests import OAuthError, OAuthRequest, OAuthResponse
from auth.oauth.token_responses import TokenResponses
from auth.oauth.tokens import Token
from auth.principal import User, parse_scopes

_CONFIDENTIAL: Final = ["client_secret_basic", "client_secret_post"]
_ANY_METHOD: Final = [*_CONFIDENTIAL, "none"]


class OAuthServer:
    """Handles requests to the OAuth endpoints. Blocking: it queries the database."""

    def __init__(self, clients: Clients, store: Grants, responses: TokenResponses, issuer: str) -> None:
        self._server = _Server(clients, store, responses, issuer)

    def validate(self, request: OAuthRequest) -> AuthorizationRequest:
        """Raises OAuthError, a redirect only if client and redirect URI are valid."""
        grant = self._grant(request)
        return AuthorizationRequest(request, grant.client, grant.redirect_uri, parse_scopes(grant.request.scope))

    def authorize(
        self, request: AuthorizationRequest, user_id: int, authenticated_us: int, device_id: int | None
    ) -> OAuthResponse:
        """Redirect with a code. Raises OAuthError, or ResourceNotFound if client, user or device were deleted."""
        grant = self._grant(request.request)
        consent = _GrantedConsent(request, user_id, authenticated_us, device_id)
        return self._server.handle_response(*grant.create_authorization_response(request.redirect_uri, consent))

    def token(self, request: OAuthRequest) -> OAuthResponse:
        """RFC 6749."""
        return self._respond(self._server.create_token_response, request)

    def revoke(self, request: OAuthRequest) -> OAuthResponse:
        """RFC 7009."""
        return self._respond(self._server.create_endpoint_response, "revocation", request)

    def introspect(self, request: OAuthRequest) -> OAuthResponse:
        """RFC 7662."""
        return self._respond(self._server.create_endpoint_response, "introspection", request)

    def _grant(self, request: OAuthRequest) -> Any:  # noqa: ANN401 - Authlib's, validated
        try:
            return self._server.get_consent_grant(request)
        except errors.OAuth2Error as error:
            raise OAuthError(self._server.error_response(error)) from None

    def _respond(self, handle: Callable[..., OAuthResponse], *arguments: object) -> OAuthResponse:
        try:
            return handle(*arguments)
        except errors.OAuth2Error as error:
            return self._server.error_response(error)
        except OAuthError as error:
            return error.response


class _GrantedConsent(NamedTuple):
    request: AuthorizationRequest
    user_id: int
    authenticated_us: int
    device_id: int | None


class _Request(OAuth2Request):
    def __init__(self, request: OAuthRequest) -> None:
        super().__init__(request.method, request.uri)
        self.original = request
        self.payload = BasicOAuth2Payload(dict(request.parameters))

    @property
    def form(self) -> dict[str, str]:
        form: dict[str, str] = self.payload.data
        return form


class _Server(AuthorizationServer):
    def __init__(self, clients: Clients, store: Grants, responses: TokenResponses, issuer: str) -> None:
        super().__init__()
        self.clients = clients
        self.store = store
        self.responses = responses
        self._issuer = issuer
        self.register_grant(_CodeGrant, [_S256()])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientCredentialsGrant)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)

    def create_oauth2_request(self, request: OAuthRequest) -> _Request:
        try:
            return _Request(request)
        except errors.OAuth2Error:
            raise errors.InvalidRequestError(
                "Set RAYLENS_PUBLIC_URL to an https address, or to a loopback address."
            ) from None

    def query_client(self, client_id: str) -> Client | None:
        client = self.clients.get(client_id)
        return None if client is None or client.is_disabled else client

    def authenticate_client(self, request: _Request, methods: list[str], endpoint: str = "token") -> Client:
        """Authlib fails on malformed Basic headers, and responds with 400 to a wrong secret in the form."""
        id_, secret = client_credentials_of(request.original)
        client = self.clients.authenticate(id_, secret)
        if client is None or (client.is_public and "none" not in methods):
            raise invalid_client()
        request.auth_method = "none" if client.is_public else methods[0]
        return client

    def get_token_grant(self, request: _Request) -> Any:  # noqa: ANN401 - Authlib's
        """Authlib would repeat the received value in the error."""
        if not request.payload.grant_type:
            raise errors.InvalidRequestError("grant_type is missing.")
        try:
            return super().get_token_grant(request)
        except errors.UnsupportedGrantTypeError:
            raise errors.OAuth2Error("This grant_type is not supported.", error="unsupported_grant_type") from None

    def generate_token(self, *_: object, **__: object) -> dict[str, Any]:
        """Empty: :meth:`fill` adds the tokens in the transaction that uses the code or refresh token."""
        return {}

    def fill(self, token: dict[str, Any], issued: IssuedTokens | None, *, nonce: str = "") -> None:
        if issued is None:
            raise errors.InvalidGrantError("It has expired or was already used.")
        token.update(self.responses.token(issued, nonce=nonce))

    def handle_response(self, status: int, body: dict[str, Any] | str, headers: list[tuple[str, str]]) -> OAuthResponse:
        """Add ``iss`` to redirects (RFC 9207). Authlib's extension supports only Flask's responses."""
        named = dict(headers)
        if "Location" in named:
            named["Location"] = with_parameters(named["Location"], iss=self._issuer)
        return OAuthResponse(status, body if isinstance(body, dict) else {}, named)

    def error_response(self, error: errors.OAuth2Error) -> OAuthResponse:
        response: OAuthResponse = self.handle_error_response(None, error)
        return response

    def send_signal(self, *_: object, **__: object) -> None:
        """Not used."""


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _ANY_METHOD

    @classmethod
    def check_authorization_endpoint(cls, _request: _Request) -> bool:
        """Accept every response_type here: Authlib would repeat an unknown one, and fails if it is not ASCII."""
        return True

    def validate_authorization_request(self) -> str:
        client = self.server.query_client(self.request.payload.client_id or "")
        if client is None:
            raise errors.InvalidClientError("Unknown application: check client_id.")
        redirect_uri = self.validate_authorization_redirect_uri(self.request, client)
        for error, description in validation_errors(self.request.original):
            raise errors.OAuth2Error(description, error=error, redirect_uri=redirect_uri)
        super().validate_authorization_request()
        return redirect_uri

    @staticmethod
    def validate_authorization_redirect_uri(request: _Request, client: Client) -> str:
        """Authlib would repeat an invalid one, and accepts a missing one."""
        redirect_uri = request.payload.redirect_uri or ""
        if {"client_id", "redirect_uri"} & request.original.repeated or not client.check_redirect_uri(redirect_uri):
            raise errors.InvalidRequestError("redirect_uri is not registered for this application.")
        return str(redirect_uri)

    def generate_authorization_code(self) -> str:
        return new_secret(Prefix.CODE)

    def save_authorization_code(self, code: str, request: _Request) -> None:
        consent: _GrantedConsent = request.user
        self.server.store.authorize(code, *consent)

    def query_authorization_code(self, code: str, client: Client) -> AuthorizationCode | None:
        found: AuthorizationCode | None = self.server.store.codes.find(code, client.id)
        return found

    def authenticate_user(self, code: AuthorizationCode) -> User | None:
        return code.family.user

    def save_token(self, token: dict[str, Any]) -> None:
        """Use the code."""
        code, source = self.request.authorization_code, self.request.original.source
        refreshable = self.client.check_grant_type(REFRESH_TOKEN)
        issued = self.server.store.redeem(code, refreshable=refreshable, source=source)
        self.server.fill(token, issued, nonce=code.family.nonce)

    def delete_authorization_code(self, _code: object) -> None:
        """It stays, so that reuse is detected."""


class _S256(CodeChallenge):
    def validate_code_challenge(self, grant: object, redirect_uri: str) -> None:
        """Done by :func:`validation_errors`. Authlib accepts a missing challenge, and the method ``plain``."""

    def validate_code_verifier(self, grant: _CodeGrant, result: object) -> None:
        """Authlib treats a verifier of the wrong length as a malformed request instead of a wrong verifier."""
        try:
            super().validate_code_verifier(grant, result)
        except errors.InvalidRequestError:
            if "code_verifier" in grant.request.form:
                raise errors.InvalidGrantError("code_verifier is wrong.") from None
            raise


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _ANY_METHOD

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found: Token | None = self.server.store.tokens.find(refresh_token)
        return found if found and not found.is_access else None

    def authenticate_user(self, token: Token) -> User | None:
        return token.family.user

    def save_token(self, token: dict[str, Any]) -> None:
        """Use the refresh token."""
        request = self.request
        scopes = parse_scopes(request.payload.scope) if request.payload.scope else None
        issued = self.server.store.refresh(request.refresh_token.digest, scopes, source=request.original.source)
        self.server.fill(token, issued)

    def revoke_old_credential(self, _token: object) -> None:
        """It is used."""


class _ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _ANY_METHOD

    def validate_requested_scope(self) -> None:
        """Authlib would silently drop scopes that are not allowed."""
        own, requested = self.client.own_scopes, self.request.payload.scope
        self.request.scope = parse_scopes(requested) if requested else own
        if not self.request.scope or self.request.scope - own:
            raise errors.InvalidScopeError()

    def save_token(self, token: dict[str, Any]) -> None:
        try:
            self.server.fill(token, self.server.store.issue_client_token(self.client, self.request.scope))
        except ResourceNotFound:
            raise invalid_client() from None


class _TokenEndpoint:
    """Common to revocation and introspection."""

    server: _Server

    def check_params(self, request: _Request, _client: Client) -> None:
        """Authlib responds with 401 to an unknown token_type_hint."""
        if "token" not in request.form:
            raise errors.InvalidRequestError("token is missing.")

    def query_token(self, token: str, _hint: str | None) -> Token | None:
        return self.server.store.tokens.find(token)


class _Revocation(_TokenEndpoint, RevocationEndpoint):
    CLIENT_AUTH_METHODS = _ANY_METHOD

    def revoke_token(self, token: Token, _request: _Request) -> None:
        self.server.store.tokens.revoke(token)


class _Introspection(_TokenEndpoint, IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = _CONFIDENTIAL

    def check_permission(self, token: Token, client: Client, _request: _Request) -> bool:
        """A client may introspect its own tokens, a trusted one also the access tokens of others."""
        return token.check_client(client) or (client.is_trusted and token.is_access)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return self.server.responses.introspection(token)
