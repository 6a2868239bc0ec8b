"""The authorization code grant (RFC 6749, 4.1) with PKCE (RFC 7636), from the client's side; Authlib words it.

That is all taken of Authlib. Its client for Starlette forgets a browser's other tabs, asks for a discovery document
once and for all, logs PKCE verifiers, and reads answers of any size.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from auth.errors import InvalidProviderResponse, SignInFailed
from auth.external.outbound import Outbound
from auth.external.text import shown

FORM: Final = "application/x-www-form-urlencoded"
SPENT: Final = ("invalid_grant", "bad_verification_code")
"""What OAuth and GitHub say of a code that has expired, or was used already."""


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """One sign-in at a provider. ``verifier`` is for the token endpoint only; the browser takes along its hash."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    redirect_uri: str
    verifier: str = field(repr=False)

    def authorization_url(self, endpoint: str, **parameters: str) -> str:
        """Where the browser goes; ``state`` and ``nonce`` are among the parameters."""
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

    async def token(self, outbound: Outbound, endpoint: str, auth_method: str, code: str) -> dict[str, Any]:
        """What the code is exchanged for.

        Raises SignInFailed for an invalid or expired code, otherwise InvalidProviderResponse or ProviderUnavailable.
        """
        body = prepare_token_request(
            "authorization_code", redirect_uri=self.redirect_uri, code=code, code_verifier=self.verifier
        )
        client = ClientAuth(self.client_id, self.client_secret, auth_method)
        url, headers, body = client.prepare("POST", endpoint, {"Content-Type": FORM}, body)
        reply = await outbound.post(url, headers, body)
        token = reply.mapping()
        error = token.get("error")
        if error in SPENT:
            raise SignInFailed(f"{reply.host} does not take the code any more: it was used already, or took too long.")
        if error is not None:
            raise InvalidProviderResponse(
                f"{reply.host} refused to say who signed in ({shown(error) or 'it does not say why'})."
            )
        reply.expected()
        return token


def authorization_of(token: dict[str, Any]) -> str:
    """The Authorization header with its access token; empty without one."""
    access_token = token.get("access_token")
    fits = isinstance(access_token, str) and re.fullmatch(r"[\x21-\x7e]{1,8192}", access_token)
    return f"Bearer {access_token}" if fits else ""
