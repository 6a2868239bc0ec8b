"""Sign-in with GitHub and GitHub Enterprise: OAuth 2.0 without OpenID Connect, the user is read from the API."""

from typing import Final

from auth.errors import AuthError, InvalidProviderResponse, SignInFailed
from auth.external.claims import UserClaims, email_claim, printable_text
from auth.external.code_grant import CodeGrant, bearer_authorization
from auth.external.provider_client import ProviderClient, ProviderResponse
from auth.external.providers import Provider

_HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHubProvider:
    """Has the methods of :class:`~auth.external.openid_connect.OpenIdConnectProvider`."""

    def __init__(self, provider: Provider, client: ProviderClient) -> None:
        self._provider = provider
        self._client = client

    async def authorization_url(self, grant: CodeGrant, *, state: str, nonce: str) -> str:
        return grant.authorization_url(f"{self._provider.issuer}/login/oauth/authorize", state=state)

    async def check_issuer(self, issuer: str | None) -> None:
        """GitHub's ``iss`` is optional and has a path."""
        if issuer not in {None, f"{self._provider.issuer}/login/oauth"}:
            raise SignInFailed(f"This response does not come from {self._provider.title}. Sign in again.")

    async def fetch_claims(self, grant: CodeGrant, *, code: str, nonce: str) -> UserClaims:
        endpoint = f"{self._provider.issuer}/login/oauth/access_token"
        token = await grant.fetch_token(self._client, endpoint, "client_secret_post", code)
        authorization = bearer_authorization(token)
        if not authorization:
            raise InvalidProviderResponse("GitHub returned no access token.")
        user = (await self._get("user", authorization)).raise_for_status().json_object()
        id_ = user.get("id")
        # The id is permanent; a login can pass to another user.
        if not isinstance(id_, int) or isinstance(id_, bool) or not 0 < id_ < 1 << 63:
            raise InvalidProviderResponse("GitHub returned no user id.")
        email = await self._email(authorization)
        return UserClaims(self._provider.issuer, str(id_), printable_text(user.get("login")), email)

    async def _email(self, authorization: str) -> str:
        """The primary address if it is verified, else empty. The address in the profile need not be verified."""
        try:
            listed = (await self._get("user/emails", authorization)).raise_for_status().json()
        except AuthError:
            return ""
        for entry in listed if isinstance(listed, list) else []:
            if isinstance(entry, dict) and entry.get("primary") is True and entry.get("verified") is True:
                return email_claim(entry.get("email"))
        return ""

    async def _get(self, path: str, authorization: str) -> ProviderResponse:
        return await self._client.get(f"{self._provider.api_url}/{path}", Authorization=authorization, **_HEADERS)
