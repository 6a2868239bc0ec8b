"""Whether an application gets what it asks of a user, and what the user has to do before."""

from dataclasses import dataclass
from urllib.parse import urlencode

from auth.audit import RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.credentials.store import CredentialStore
from auth.errors import CrossSiteRequest
from auth.oauth.authorization_request import AuthorizationRequest
from auth.oauth.form_tokens import FormTokens
from auth.oauth.grants import Grants
from auth.oauth.id_tokens import IdTokens, subject_of
from auth.oauth.messages import Message, Refused, Reply, message_of
from auth.oauth.metadata import AUTHORIZE
from auth.oauth.redirect_uris import source_of
from auth.oauth.server import OAuthServer
from auth.principal import Principal, Scope, User, scopes_of_role
from auth.settings import AuthSettings, TimeSource


@dataclass(frozen=True, slots=True)
class SignInFirst:
    """``then``: the path to go on to."""

    then: str


@dataclass(frozen=True, slots=True)
class ConsentFirst:
    """``otherwise``: the path to ask somebody else."""

    asked: AuthorizationRequest
    user: User
    form_token: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where signing in leads in the end, of another site: the application's name, and its place for a policy."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class _Present:
    """Who is at the browser."""

    user: User
    session_id: int
    signed_in_us: int


class Authorization:
    def __init__(
        self,
        server: OAuthServer,
        store: Grants,
        *,
        id_tokens: IdTokens,
        credentials: CredentialStore,
        settings: AuthSettings,
        clock: TimeSource,
    ) -> None:
        self._server = server
        self._store = store
        self._id_tokens = id_tokens
        self._credentials = credentials
        self._issuer = settings.public_url
        self._form_tokens = FormTokens(settings)
        self._clock = clock

    def ask(self, message: Message, session: Principal | None) -> Reply | SignInFirst | ConsentFirst:
        """The answer, or what has to be done first. Raises Refused."""
        asked = self._server.check(message)
        present = self._present(asked, session)
        if not isinstance(present, _Present):
            return present
        if "consent" in asked.prompts or not self._may(asked, present.user):
            if asked.is_silent:
                return asked.refuse("consent_required", "The user was not asked yet.", self._issuer)
            token = self._form_tokens.make(present.session_id, message.parameters)
            return ConsentFirst(asked, present.user, token, _again(message))
        return self._server.authorize(asked, present.user.id, present.signed_in_us)

    def decide(
        self, message: Message, session: Principal | None, *, allowed: bool, form_token: str
    ) -> Reply | SignInFirst:
        """The answer to what the user decided. Raises Refused, and CrossSiteRequest where the form is not ours."""
        asked = self._server.check(message)
        present = self._present(asked, session)
        if not isinstance(present, _Present):
            return present
        if not self._form_tokens.is_good(form_token, present.session_id, message.parameters):
            raise CrossSiteRequest("This form is out of date. Go back to the application and start again.")
        if not allowed:
            return asked.refuse("access_denied", "The user said no.", self._issuer)
        self._store.consent(present.user.id, asked.client.id, asked.scopes)
        return self._server.authorize(asked, present.user.id, present.signed_in_us)

    def destination(self, path: str, source: RequestSource) -> Destination | None:
        """Where a path of ours leads once somebody is signed in; None where it stays here."""
        start, _, query = path.partition("?")
        if start != AUTHORIZE:
            return None
        try:
            asked = self._server.check(message_of(query.encode(), "GET", self._issuer + start, source=source))
            return Destination(asked.client.name, source_of(asked.redirect_uri))
        except Refused as refused:
            location = refused.reply.location
            return Destination("", source_of(location)) if location else None

    def _may(self, asked: AuthorizationRequest, user: User) -> bool:
        """Without asking the user, who was asked before or need not be.

        Any program on one's machine can pose as a public client, also as one that is trusted: for an admin's rights it
        asks each time.
        """
        client, wants_admin = asked.client, Scope.ADMIN in asked.scopes
        if wants_admin and client.is_public:
            return False
        if client.is_trusted and not wants_admin:
            return True
        return asked.scopes <= self._store.consented(user.id, client.id)

    def _present(self, asked: AuthorizationRequest, session: Principal | None) -> _Present | Reply | SignInFirst:
        """Who is there, if they signed in lately enough, are who is meant, and may give what is asked."""
        signed_in_us = self._credentials.created_us(session.credential_id) if session else None
        if session is None or session.user is None or signed_in_us is None or self._is_too_old(asked, signed_in_us):
            if asked.is_silent:
                return asked.refuse("login_required", "Nobody is signed in.", self._issuer)
            return SignInFirst(_again(asked.message))
        if asked.id_token_hint:
            subject = self._id_tokens.subject(asked.id_token_hint)
            if subject is None:
                return asked.refuse("invalid_request", "This id_token_hint is none of ours.", self._issuer)
            if subject != subject_of(session.user):
                return asked.refuse("login_required", "Somebody else is signed in.", self._issuer)
        if asked.scopes - scopes_of_role(session.user.role):
            return asked.refuse("invalid_scope", "The user has not got all of these rights.", self._issuer)
        return _Present(session.user, session.credential_id, signed_in_us)

    def _is_too_old(self, asked: AuthorizationRequest, signed_in_us: int) -> bool:
        if asked.wants_sign_in:
            return True
        age_us = to_microseconds(self._clock()) - signed_in_us
        return asked.max_age_s is not None and age_us > to_microseconds(asked.max_age_s)


def _again(message: Message) -> str:
    """The path of the same request, without what makes its user sign in once more."""
    parameters = dict(message.parameters)
    parameters.pop("max_age", None)
    prompts = [prompt for prompt in parameters.pop("prompt", "").split() if prompt not in {"login", "select_account"}]
    if prompts:
        parameters["prompt"] = " ".join(prompts)
    return f"{AUTHORIZE}?{urlencode(parameters)}"
