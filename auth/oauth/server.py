"""Authlib's OAuth 2 server, put to work: the only file that knows it.

Authlib decides what a request has to show, and in which order. Where what it does by default is unsafe or a defect,
something here says otherwise. Tokens are made elsewhere: Authlib would write them into the log.
"""

from collections.abc import Callable
from typing import Any, Final

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request, errors, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from auth.credentials.secret import Prefix, new_secret
from auth.errors import ResourceNotFound
from auth.oauth.authorization_request import AuthorizationRequest, fault_of
from auth.oauth.client import REFRESH_TOKEN
from auth.oauth.client_authentication import credentials_of, unknown_client
from auth.oauth.clients import Clients
from auth.oauth.grants import Grants, Issued
from auth.oauth.messages import Message, Refused, Reply
from auth.oauth.redirect_uris import with_parameters
from auth.oauth.shapes import ClientShape, CodeShape, Decision, RefreshShape, TokenShape
from auth.oauth.token_replies import TokenReplies
from auth.principal import User, parse_scopes

WITH_SECRET: Final = ["client_secret_basic", "client_secret_post"]
ANYBODY: Final = [*WITH_SECRET, "none"]


class OAuthServer:
    """Answers messages. Blocking: it asks the database."""

    def __init__(self, clients: Clients, store: Grants, replies: TokenReplies, issuer: str) -> None:
        self._server = _Server(clients, store, replies, issuer)

    def check(self, message: Message) -> AuthorizationRequest:
        """What an application asks of a user. Raises Refused, with the way back only where that is surely its."""
        grant = self._grant(message)
        return AuthorizationRequest(message, grant.client.client, grant.redirect_uri, parse_scopes(grant.request.scope))

    def authorize(self, asked: AuthorizationRequest, user_id: int, authenticated_us: int) -> Reply:
        """The redirect with a code. Raises Refused, or ResourceNotFound if the client or user was just deleted."""
        grant, decision = self._grant(asked.message), Decision(asked, user_id, authenticated_us)
        return self._server.handle_response(*grant.create_authorization_response(asked.redirect_uri, decision))

    def token(self, message: Message) -> Reply:
        """RFC 6749."""
        return self._answer(self._server.create_token_response, message)

    def revoke(self, message: Message) -> Reply:
        """RFC 7009."""
        return self._answer(self._server.create_endpoint_response, "revocation", message)

    def introspect(self, message: Message) -> Reply:
        """RFC 7662."""
        return self._answer(self._server.create_endpoint_response, "introspection", message)

    def _grant(self, message: Message) -> Any:  # noqa: ANN401 - Authlib's, checked
        try:
            return self._server.get_consent_grant(message)
        except errors.OAuth2Error as error:
            raise Refused(self._server.error_reply(error)) from None

    def _answer(self, work: Callable[..., Reply], *arguments: object) -> Reply:
        try:
            return work(*arguments)
        except errors.OAuth2Error as error:
            return self._server.error_reply(error)
        except Refused as refused:
            return refused.reply


class _Request(OAuth2Request):
    def __init__(self, message: Message) -> None:
        super().__init__(message.method, message.uri)
        self.message = message
        self.payload = BasicOAuth2Payload(dict(message.parameters))

    @property
    def form(self) -> dict[str, str]:
        form: dict[str, str] = self.payload.data
        return form


class _Server(AuthorizationServer):
    def __init__(self, clients: Clients, store: Grants, replies: TokenReplies, issuer: str) -> None:
        super().__init__()
        self.clients = clients
        self.store = store
        self.replies = replies
        self._issuer = issuer
        self.register_grant(_CodeGrant, [_S256()])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientCredentialsGrant)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)

    def create_oauth2_request(self, message: Message) -> _Request:
        try:
            return _Request(message)
        except errors.OAuth2Error:
            raise errors.InvalidRequestError(
                "Set RAYLENS_PUBLIC_URL to an https address, or to one of this machine."
            ) from None

    def query_client(self, client_id: str) -> ClientShape | None:
        client = self.clients.get(client_id)
        return None if client is None or client.is_disabled else ClientShape(client)

    def authenticate_client(self, request: _Request, methods: list[str], endpoint: str = "token") -> ClientShape:
        """Authlib fails over odd Basic headers, and answers 400 for a wrong secret in the form."""
        id_, secret = credentials_of(request.message)
        client = self.clients.authenticate(id_, secret)
        if client is None or (client.is_public and "none" not in methods):
            raise unknown_client()
        request.auth_method = "none" if client.is_public else methods[0]
        return ClientShape(client)

    def get_token_grant(self, request: _Request) -> Any:  # noqa: ANN401 - one of Authlib's
        """Authlib would quote what it was sent."""
        if not request.payload.grant_type:
            raise errors.InvalidRequestError("grant_type is missing.")
        try:
            return super().get_token_grant(request)
        except errors.UnsupportedGrantTypeError:
            raise errors.OAuth2Error("There is no such grant_type.", error="unsupported_grant_type") from None

    def generate_token(self, *_: object, **__: object) -> dict[str, Any]:
        """Empty: what is in it is made when the code, or the refresh token, is used up."""
        return {}

    def fill(self, token: dict[str, Any], issued: Issued | None, *, nonce: str = "") -> None:
        """Raises invalid_grant where somebody else was faster."""
        if issued is None:
            raise errors.InvalidGrantError("It is too old, or was used already.")
        token.update(self.replies.reply(issued, nonce=nonce))

    def handle_response(self, status: int, body: dict[str, Any] | str, headers: list[tuple[str, str]]) -> Reply:
        """With ``iss`` on the way back (RFC 9207), errors too; Authlib's extension knows only Flask's responses."""
        named = dict(headers)
        if "Location" in named:
            named["Location"] = with_parameters(named["Location"], iss=self._issuer)
        return Reply(status, body if isinstance(body, dict) else {}, named)

    def error_reply(self, error: errors.OAuth2Error) -> Reply:
        reply: Reply = self.handle_error_response(None, error)
        return reply

    def send_signal(self, *_: object, **__: object) -> None:
        """Nobody listens."""


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANYBODY

    @classmethod
    def check_authorization_endpoint(cls, _request: _Request) -> bool:
        """Whatever the response_type: one that there is not, Authlib would quote, and fail where it is not ASCII."""
        return True

    def validate_authorization_request(self) -> str:
        client = self.server.query_client(self.request.payload.client_id or "")
        if client is None:
            raise errors.InvalidClientError("There is no such application.")
        redirect_uri = self.validate_authorization_redirect_uri(self.request, client)
        if fault := fault_of(self.request.message):
            error, description = fault
            raise errors.OAuth2Error(description, error=error, redirect_uri=redirect_uri)
        super().validate_authorization_request()
        return redirect_uri

    @staticmethod
    def validate_authorization_redirect_uri(request: _Request, client: ClientShape) -> str:
        """Authlib would quote it, and take the first of the application's where none is named."""
        redirect_uri = request.payload.redirect_uri or ""
        if {"client_id", "redirect_uri"} & request.message.repeated or not client.check_redirect_uri(redirect_uri):
            raise errors.InvalidRequestError("This is no redirect_uri of the application.")
        return str(redirect_uri)

    def generate_authorization_code(self) -> str:
        return new_secret(Prefix.CODE)

    def save_authorization_code(self, code: str, request: _Request) -> None:
        decision: Decision = request.user
        self.server.store.authorize(code, decision.asked, decision.user_id, decision.authenticated_us)

    def query_authorization_code(self, code: str, client: ClientShape) -> CodeShape | None:
        found = self.server.store.codes.find(code, client.client.id)
        return None if found is None else CodeShape(found)

    def authenticate_user(self, shape: CodeShape) -> User | None:
        return shape.code.family.user

    def save_token(self, token: dict[str, Any]) -> None:
        """Here the code is used up."""
        code, source = self.request.authorization_code.code, self.request.message.source
        issued = self.server.store.redeem(
            code.digest, refreshable=self.client.check_grant_type(REFRESH_TOKEN), source=source
        )
        self.server.fill(token, issued, nonce=code.family.nonce)

    def delete_authorization_code(self, _code: object) -> None:
        """It stays, to be known when it comes again."""


class _S256(CodeChallenge):
    """That there is a challenge, and of this method, is held where the request is read."""

    def validate_code_challenge(self, grant: object, redirect_uri: str) -> None:
        """Authlib lets one without a challenge pass, and takes a missing method for ``plain``."""

    def validate_code_verifier(self, grant: _CodeGrant, result: object) -> None:
        """To Authlib one of the wrong length is a malformed request; it is as wrong as any other."""
        try:
            super().validate_code_verifier(grant, result)
        except errors.InvalidRequestError:
            if "code_verifier" in grant.request.form:
                raise errors.InvalidGrantError("The code_verifier is wrong.") from None
            raise

    def get_authorization_code_challenge(self, shape: CodeShape) -> str:
        return shape.code.challenge

    def get_authorization_code_challenge_method(self, _shape: CodeShape) -> str:
        return "S256"


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANYBODY

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshShape | None:
        found = self.server.store.refresh_tokens.find(refresh_token, self.client.client.id)
        return None if found is None else RefreshShape(found)

    def authenticate_user(self, shape: RefreshShape) -> User | None:
        return shape.token.family.user

    def save_token(self, token: dict[str, Any]) -> None:
        """Here the refresh token is used up."""
        request = self.request
        scopes = parse_scopes(request.payload.scope) if request.payload.scope else None
        digest = request.refresh_token.token.digest
        self.server.fill(token, self.server.store.refresh(digest, scopes, source=request.message.source))

    def revoke_old_credential(self, _token: object) -> None:
        """It is used up."""


class _ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANYBODY

    def validate_requested_scope(self) -> None:
        """Authlib would drop what is not allowed, and say nothing."""
        own, asked = self.client.client.own_scopes, self.request.payload.scope
        self.request.scope = parse_scopes(asked) if asked else own
        if not self.request.scope or self.request.scope - own:
            raise errors.InvalidScopeError()

    def save_token(self, token: dict[str, Any]) -> None:
        try:
            self.server.fill(token, self.server.store.issue_to(self.client.client, self.request.scope))
        except ResourceNotFound:
            raise unknown_client() from None


class _Asking:
    """What revocation and introspection have in common."""

    server: _Server

    def check_params(self, request: _Request, _client: ClientShape) -> None:
        """Authlib answers 401 for a token_type_hint that it does not know. It is a hint."""
        if "token" not in request.form:
            raise errors.InvalidRequestError("token is missing.")

    def query_token(self, token: str, _hint: str | None) -> TokenShape | None:
        found = self.server.store.tokens.find(token)
        return None if found is None else TokenShape(found)


class _Revocation(_Asking, RevocationEndpoint):
    CLIENT_AUTH_METHODS = ANYBODY

    def revoke_token(self, shape: TokenShape, _request: _Request) -> None:
        self.server.store.tokens.revoke(shape.token)


class _Introspection(_Asking, IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = WITH_SECRET

    def check_permission(self, shape: TokenShape, client: ClientShape, _request: _Request) -> bool:
        """Of its own tokens; a trusted one also of what others show to it."""
        return shape.check_client(client) or (client.client.is_trusted and shape.token.is_access)

    def introspect_token(self, shape: TokenShape) -> dict[str, Any]:
        return self.server.replies.introspection(shape.token)
