"""External sign-in, from the provider's authorization URL to the claims of the user who returns."""

from typing import Final

from sqlalchemy import Engine

from auth.audit import AuditLog
from auth.errors import ResourceNotFound
from auth.external.account_linking import AccountLinking
from auth.external.authorization_response import AuthorizationResponse
from auth.external.claims import UserClaims
from auth.external.code_grant import CodeGrant
from auth.external.github import GitHubProvider
from auth.external.identities import Identities
from auth.external.login_state import LoginState, LoginStateCookies
from auth.external.openid_connect import OpenIdConnectProvider
from auth.external.provider_client import ProviderClient
from auth.external.providers import Provider
from auth.settings import AuthSettings, TimeSource
from auth.users.accounts import AccountService

EXTERNAL_LOGIN: Final = "/auth/external/{provider}/login"
EXTERNAL_CALLBACK: Final = "/auth/external/{provider}/callback"


class ExternalSignIn:
    """One per process. Async methods send requests to providers; the others are blocking."""

    def __init__(
        self,
        engine: Engine,
        settings: AuthSettings,
        *,
        accounts: AccountService,
        identities: Identities,
        audit: AuditLog,
        clock: TimeSource,
        monotonic: TimeSource,
    ) -> None:
        self._providers = {provider.name: provider for provider in settings.providers}
        self.account_linking = AccountLinking(engine, settings, accounts, identities, audit)
        self.login_states = LoginStateCookies(settings, clock)
        client = ProviderClient()
        self._protocols = {
            name: GitHubProvider(provider, client)
            if provider.kind == "github"
            else OpenIdConnectProvider(provider, client, clock, monotonic)
            for name, provider in self._providers.items()
        }

    def login_links(self) -> list[dict[str, str]]:
        """``name``, ``title`` and ``login_url`` of each provider, for the web app."""
        return [
            {"name": name, "title": provider.title, "login_url": EXTERNAL_LOGIN.format(provider=name)}
            for name, provider in self._providers.items()
        ]

    def provider(self, name: str) -> Provider:
        """Raises ResourceNotFound."""
        try:
            return self._providers[name]
        except KeyError:
            raise ResourceNotFound(f"There is no identity provider {name[:64]!r}.") from None

    async def authorization_url(self, login: LoginState, base_url: str) -> str:
        """URL of the provider's sign-in page. ``base_url``: address of Raylens as the browser sees it.

        Raises ProviderUnavailable or InvalidProviderResponse.
        """
        protocol = self._protocols[login.provider]
        return await protocol.authorization_url(self._grant(login, base_url), state=login.state, nonce=login.nonce)

    async def fetch_claims(self, login: LoginState, response: AuthorizationResponse, base_url: str) -> UserClaims:
        """Claims of the user who signed in. Raises SignInFailed, ProviderUnavailable or InvalidProviderResponse."""
        protocol = self._protocols[login.provider]
        await protocol.check_issuer(response.issuer)
        response.raise_for_error(self._providers[login.provider].title)
        return await protocol.fetch_claims(self._grant(login, base_url), code=response.code, nonce=login.nonce)

    def _grant(self, login: LoginState, base_url: str) -> CodeGrant:
        provider = self._providers[login.provider]
        redirect_uri = base_url + EXTERNAL_CALLBACK.format(provider=provider.name)
        return CodeGrant(provider.client_id, provider.client_secret, provider.scopes, redirect_uri, login.verifier)
