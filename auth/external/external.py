"""Sign-in with others, from the way there to the account of who comes back."""

from typing import Final

from sqlalchemy import Engine

from auth.audit import AuditLog
from auth.errors import ResourceNotFound
from auth.external.account_linking import AccountLinking
from auth.external.answer import Answer
from auth.external.code_grant import CodeGrant
from auth.external.flow import Flow, FlowCookies
from auth.external.github import GitHubProvider
from auth.external.identities import Identities
from auth.external.openid import OpenIdProvider
from auth.external.outbound import Outbound
from auth.external.person import IdentityProvider, Person
from auth.external.providers import Provider
from auth.settings import AuthSettings, TimeSource
from auth.users.accounts import AccountService

LOGIN: Final = "/auth/external/{provider}/login"
CALLBACK: Final = "/auth/external/{provider}/callback"


class External:
    """One in each process. What is async asks providers, what is not asks the database."""

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
        self.flows = FlowCookies(settings, clock)
        outbound = Outbound()
        self._asked: dict[str, IdentityProvider] = {
            name: GitHubProvider(provider, outbound)
            if provider.kind == "github"
            else OpenIdProvider(provider, outbound, clock, monotonic)
            for name, provider in self._providers.items()
        }

    def providers_told(self) -> list[dict[str, str]]:
        """Name, title and login_url of each, for the web app."""
        return [
            {"name": name, "title": provider.title, "login_url": LOGIN.format(provider=name)}
            for name, provider in self._providers.items()
        ]

    def provider(self, name: str) -> Provider:
        """Raises ResourceNotFound."""
        try:
            return self._providers[name]
        except KeyError:
            raise ResourceNotFound(f"Nobody called {name[:64]} signs people in here.") from None

    async def authorization_url(self, flow: Flow, base_url: str) -> str:
        """Where the browser goes to begin. ``base_url``: where it reaches us.

        Raises ProviderUnavailable or InvalidProviderResponse.
        """
        asked = self._asked[flow.provider]
        return await asked.authorization_url(self._grant(flow, base_url), state=flow.state, nonce=flow.nonce)

    async def person(self, flow: Flow, answer: Answer, base_url: str) -> Person:
        """Who came back. Raises SignInFailed, ProviderUnavailable or InvalidProviderResponse."""
        asked = self._asked[flow.provider]
        await asked.refuse_mix_up(answer.issuer)
        answer.refuse_error(self._providers[flow.provider].title)
        return await asked.person(self._grant(flow, base_url), code=answer.code, nonce=flow.nonce)

    def _grant(self, flow: Flow, base_url: str) -> CodeGrant:
        provider = self._providers[flow.provider]
        redirect_uri = base_url + CALLBACK.format(provider=provider.name)
        return CodeGrant(provider.client_id, provider.client_secret, provider.scopes, redirect_uri, flow.verifier)
