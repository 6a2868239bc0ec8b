"""GitHub, and GitHub Enterprise: OAuth 2.0 without OpenID Connect, so it is asked who holds the access token."""

from typing import Final

from auth.errors import AuthError, InvalidProviderResponse, SignInFailed
from auth.external import text
from auth.external.code_grant import CodeGrant, authorization_of
from auth.external.outbound import Outbound, Reply
from auth.external.person import Person
from auth.external.providers import Provider

HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHubProvider:
    def __init__(self, provider: Provider, outbound: Outbound) -> None:
        self._provider = provider
        self._outbound = outbound

    async def authorization_url(self, grant: CodeGrant, *, state: str, nonce: str) -> str:
        return grant.authorization_url(f"{self._provider.issuer}/login/oauth/authorize", state=state)

    async def refuse_mix_up(self, issuer: str | None) -> None:
        """GitHub calls itself by a longer name there, and not always."""
        if issuer not in {None, f"{self._provider.issuer}/login/oauth"}:
            raise SignInFailed(f"This answer does not come from {self._provider.title}, where you went to sign in.")

    async def person(self, grant: CodeGrant, *, code: str, nonce: str) -> Person:
        endpoint = f"{self._provider.issuer}/login/oauth/access_token"
        token = await grant.token(self._outbound, endpoint, "client_secret_post", code)
        authorization = authorization_of(token)
        if not authorization:
            raise InvalidProviderResponse("GitHub sent no access token.")
        user = (await self._get("user", authorization)).expected().mapping()
        number = user.get("id")
        # A login can be given up and taken by somebody else; the number stays.
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 1 << 63:
            raise InvalidProviderResponse("GitHub did not say who signed in.")
        email = await self._email(authorization)
        return Person(self._provider.issuer, str(number), text.shown(user.get("login")), email)

    async def _email(self, authorization: str) -> str:
        """The primary address, if it is verified and may be seen: the profile's is only what somebody made public."""
        try:
            listed = (await self._get("user/emails", authorization)).expected().json()
        except AuthError:
            return ""
        for entry in listed if isinstance(listed, list) else []:
            if isinstance(entry, dict) and entry.get("primary") is True and entry.get("verified") is True:
                return text.address(entry.get("email"))
        return ""

    async def _get(self, path: str, authorization: str) -> Reply:
        return await self._outbound.get(f"{self._provider.api_url}/{path}", Authorization=authorization, **HEADERS)
