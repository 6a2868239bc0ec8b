"""Builds the OAuth server."""

from sqlalchemy import Engine

from auth.audit import AuditLog
from auth.credentials.store import CredentialStore
from auth.oauth.authorization import Authorization
from auth.oauth.clients import Clients
from auth.oauth.grants import Grants
from auth.oauth.id_tokens import IdTokens
from auth.oauth.pages import Pages
from auth.oauth.server import OAuthServer
from auth.oauth.signing_keys import SigningKeys
from auth.oauth.token_responses import TokenResponses
from auth.settings import AuthSettings, TimeSource


class OAuth:
    """The services behind the OAuth routes."""

    def __init__(
        self,
        engine: Engine,
        clock: TimeSource,
        *,
        credentials: CredentialStore,
        audit: AuditLog,
        settings: AuthSettings,
    ) -> None:
        self.clients = Clients(engine, clock, audit)
        self.grants = Grants(engine, clock, audit)
        self.signing_keys = SigningKeys(engine, clock, settings, audit)
        id_tokens = IdTokens(settings, self.signing_keys, clock)
        responses = TokenResponses(id_tokens, settings, clock)
        self.server = OAuthServer(self.clients, self.grants, responses, settings.public_url)
        self.authorization = Authorization(
            self.server, self.grants, id_tokens=id_tokens, credentials=credentials, settings=settings, clock=clock
        )
        self.pages = Pages(settings)

    def sweep(self) -> None:
        """Delete expired and revoked grants; rotate the signing key if due."""
        self.grants.sweep()
        self.signing_keys.sweep()
