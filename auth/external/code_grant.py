"""Authorization code grant (RFC 6749, section 4.1) with PKCE (RFC 7636), client side.

Only Authlib's request builders are used. Its Starlette client loses the state of other tabs, never refreshes the
discovery document, logs PKCE verifiers, and reads responses of any size.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from auth.errors import InvalidProviderResponse, SignInFailed
from auth.external.claims import printable_text
from auth.external.provider_client import ProviderClient

_INVALID_CODE: Final = ("invalid_grant", "bad_verification_code")
"""Error codes of OAuth and GitHub for a code that has expired or was already used."""


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """One sign-in at a provider. The browser carries only the hash of ``verifier``."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    redirect_uri: str
    verifier: str = field(repr=False)

    def authorization_url(self, endpoint: str, **parameters: str) -> str:
        """``parameters``: ``state``, and ``nonce`` for OpenID Connect."""
        url: str = prepare_grant_uri(
            endpoint,
            self.client_id,
            "code",
            self.redirect_uri,
            self.scopes,
            code_challenge=create_s256_code_challenge(self.verifier),
            code_challenge_method="S256",
            **parameters,
        )
        return url

    async def fetch_token(self, client: ProviderClient, endpoint: str, auth_method: str, code: str) -> dict[str, Any]:
        """Exchange the code for a token response.

        Raises SignInFailed for an expired or used code, else InvalidProviderResponse or ProviderUnavailable.
        """
        body = prepare_token_request(
            "authorization_code", redirect_uri=self.redirect_uri, code=code, code_verifier=self.verifier
        )
        client_auth = ClientAuth(self.client_id, self.client_secret, auth_method)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        url, headers, body = client_auth.prepare("POST", endpoint, form, body)
        response = await client.post(url, headers, body)
        token = response.json_object()
        error = token.get("error")
        if error in _INVALID_CODE:
            raise SignInFailed(f"{response.host} rejected the code: it has expired or was already used. Sign in again.")
        if error is not None:
            reason = printable_text(error) or "no reason given"
            raise InvalidProviderResponse(f"{response.host} rejected the token request ({reason}).")
        response.raise_for_status()
        return token


def bearer_authorization(token: dict[str, Any]) -> str:
    """Authorization header with the access token of a token response; empty without a valid one."""
    access_token = token.get("access_token")
    is_valid = isinstance(access_token, str) and re.fullmatch(r"[\x21-\x7e]{1,8192}", access_token)
    return f"Bearer {access_token}" if is_valid else ""
