"""Decides on authorization requests: the user signs in and consents, or the client gets a response."""

from dataclasses import dataclass
from urllib.parse import urlencode

from auth.audit import RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.credentials.store import CredentialStore
from auth.errors import CrossSiteRequest
from auth.oauth.authorization_request import AuthorizationRequest
from auth.oauth.csrf_tokens import CsrfTokens
from auth.oauth.devices import Device
from auth.oauth.grants import Grants
from auth.oauth.id_tokens import IdTokens, subject_of
from auth.oauth.metadata import AUTHORIZE
from auth.oauth.redirect_uris import csp_source
from auth.oauth.requests import OAuthError, OAuthRequest, OAuthResponse, parse_request
from auth.oauth.server import OAuthServer
from auth.principal import Principal, Scope, User, scopes_of_role
from auth.settings import AuthSettings, TimeSource


@dataclass(frozen=True, slots=True)
class LoginRequired:
    next_path: str
    """Where to continue after the sign-in."""


@dataclass(frozen=True, slots=True)
class ConsentRequired:
    request: AuthorizationRequest
    user: User
    csrf_token: str
    next_path: str
    """Where to continue after signing in as another user."""
    device_name: str | None
    """What a new device calls itself; None if the request does not come from one."""
    at_us: int
    """When the request arrived."""


@dataclass(frozen=True, slots=True)
class ClientDestination:
    """The client that a sign-in leads to."""

    name: str
    csp_source: str


@dataclass(frozen=True, slots=True)
class _SignedIn:
    user: User
    session_id: int
    authenticated_us: int


class Authorization:
    def __init__(
        self,
        server: OAuthServer,
        grants: Grants,
        *,
        id_tokens: IdTokens,
        credentials: CredentialStore,
        settings: AuthSettings,
        clock: TimeSource,
    ) -> None:
        self._server = server
        self._grants = grants
        self._id_tokens = id_tokens
        self._credentials = credentials
        self._issuer = settings.public_url
        self._csrf_tokens = CsrfTokens(settings)
        self._clock = clock

    def start(
        self, request: OAuthRequest, session: Principal | None
    ) -> OAuthResponse | LoginRequired | ConsentRequired:
        """Handle an authorization request. Raises OAuthError."""
        validated = self._server.validate(request)
        signed_in = self._signed_in(validated, session)
        if not isinstance(signed_in, _SignedIn):
            return signed_in
        user, assertion = signed_in.user, validated.device_assertion(self._issuer)
        device = self._grants.devices.find(user.id, validated.client.id, assertion) if assertion else None
        if "consent" not in validated.prompts and self._has_consent(validated, user, device):
            device_id = device.id if device else None
            return self._server.authorize(validated, user.id, signed_in.authenticated_us, device_id)
        if validated.is_silent:
            return validated.error_response("consent_required", "The user has not consented.", self._issuer)
        return ConsentRequired(
            validated,
            user,
            self._csrf_tokens.create(signed_in.session_id, request.parameters),
            _path_after_sign_in(request),
            device_name=assertion.name if assertion else None,
            at_us=to_microseconds(self._clock()),
        )

    def decide(
        self, request: OAuthRequest, session: Principal | None, *, allowed: bool, csrf_token: str
    ) -> OAuthResponse | LoginRequired:
        """Handle the submitted consent form. Raises OAuthError, or CrossSiteRequest for an invalid CSRF token."""
        validated = self._server.validate(request)
        signed_in = self._signed_in(validated, session)
        if not isinstance(signed_in, _SignedIn):
            return signed_in
        if not self._csrf_tokens.is_valid(csrf_token, signed_in.session_id, request.parameters):
            raise CrossSiteRequest("This form has expired. Return to the application and start again.")
        if not allowed:
            return validated.error_response("access_denied", "The user denied access.", self._issuer)
        device_id = self._remember(validated, signed_in.user.id)
        return self._server.authorize(validated, signed_in.user.id, signed_in.authenticated_us, device_id)

    def destination(self, path: str, source: RequestSource) -> ClientDestination | None:
        """The client that a local path leads to after signing in; None for any other path."""
        endpoint, _, query = path.partition("?")
        if endpoint != AUTHORIZE:
            return None
        try:
            request = parse_request(query.encode(), "GET", self._issuer + endpoint, source=source)
            validated = self._server.validate(request)
            return ClientDestination(validated.client.name, csp_source(validated.redirect_uri))
        except OAuthError as error:
            location = error.response.location
            return ClientDestination("", csp_source(location)) if location else None

    def _has_consent(self, request: AuthorizationRequest, user: User, device: Device | None) -> bool:
        """Whether no consent page is needed.

        A public client can be impersonated, even a trusted one, so it needs consent for the scope ``admin`` every time.
        Any program on the machine, even of another user of it, can receive what is sent to a port. So a native client
        is recognized only by the device on which the user consented before.
        """
        client, requests_admin = request.client, Scope.ADMIN in request.scopes
        if requests_admin and client.is_public:
            return False
        if request.is_native:
            return device is not None and request.scopes <= device.scopes
        if client.is_trusted and not requests_admin:
            return True
        return request.scopes <= self._grants.consented_scopes(user.id, client.id)

    def _remember(self, request: AuthorizationRequest, user_id: int) -> int | None:
        """Store the user's consent; returns the id of the device to which it is limited, if any.

        Consent to a native client without a device assertion is not remembered.
        """
        client_id, scopes = request.client.id, request.scopes
        if not request.is_native:
            self._grants.add_consent(user_id, client_id, scopes)
            return None
        assertion, source = request.device_assertion(self._issuer), request.request.source
        if assertion is None:
            return None
        return self._grants.add_device(user_id, client_id, scopes, assertion, source=source)

    def _signed_in(
        self, request: AuthorizationRequest, session: Principal | None
    ) -> _SignedIn | OAuthResponse | LoginRequired:
        """The signed-in user, if recent enough, the expected one, and allowed to grant the scopes."""
        authenticated_us = self._credentials.created_us(session.credential_id) if session else None
        is_current = authenticated_us is not None and self._is_recent(request, authenticated_us)
        if session is None or session.user is None or authenticated_us is None or not is_current:
            if request.is_silent:
                return request.error_response("login_required", "The user has to sign in.", self._issuer)
            return LoginRequired(_path_after_sign_in(request.request))
        if request.id_token_hint:
            subject = self._id_tokens.subject(request.id_token_hint)
            if subject is None:
                return request.error_response("invalid_request", "id_token_hint is not valid.", self._issuer)
            if subject != subject_of(session.user):
                return request.error_response("login_required", "Another user is signed in.", self._issuer)
        if request.scopes - scopes_of_role(session.user.role):
            return request.error_response("invalid_scope", "The user does not have all these scopes.", self._issuer)
        return _SignedIn(session.user, session.credential_id, authenticated_us)

    def _is_recent(self, request: AuthorizationRequest, authenticated_us: int) -> bool:
        if request.requires_sign_in:
            return False
        age_us = to_microseconds(self._clock()) - authenticated_us
        return request.max_age_s is None or age_us <= to_microseconds(request.max_age_s)


def _path_after_sign_in(request: OAuthRequest) -> str:
    """The same request, without the parameters that would require another sign-in."""
    parameters = dict(request.parameters)
    parameters.pop("max_age", None)
    prompts = [prompt for prompt in parameters.pop("prompt", "").split() if prompt not in {"login", "select_account"}]
    if prompts:
        parameters["prompt"] = " ".join(prompts)
    return f"{AUTHORIZE}?{urlencode(parameters)}"
