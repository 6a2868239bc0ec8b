"""Credentials that the command line stores for a server."""

import math

from pydantic import BaseModel, ConfigDict, Field


class OAuthEndpoints(BaseModel):
    """Endpoints of an OAuth server, from its metadata document (RFC 8414)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str


class OAuthSignIn(BaseModel):
    """A sign-in by `raylens login`, apart from its access token. It has ended if the refresh token is empty."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    endpoints: OAuthEndpoints
    refresh_token: str = Field(repr=False)
    expires_at: float
    """When the access token expires: Unix seconds of the local clock."""
    since: float
    """When the user signed in."""
    ends_at: float | None = None
    """When the user has to sign in again, if the server reports it."""


class StoredCredential(BaseModel):
    """An OAuth access token that is refreshed, or an API key."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    server: str
    token: str = Field(repr=False)
    username: str
    scopes: tuple[str, ...]
    sign_in: OAuthSignIn | None = None
    """None for an API key."""

    @property
    def has_ended(self) -> bool:
        """Whether the server no longer refreshes this sign-in. An API key ends only on the server."""
        return self.sign_in is not None and not self.sign_in.refresh_token

    def seconds_left(self, now: float) -> float:
        """Seconds until the access token expires; infinite for an API key."""
        return self.sign_in.expires_at - now if self.sign_in else math.inf

    def ended(self) -> "StoredCredential":
        """The record of a rejected sign-in: commands report that it ended instead of continuing anonymously."""
        if self.sign_in is None:
            return self
        sign_in = self.sign_in.model_copy(update={"refresh_token": ""})
        return self.model_copy(update={"token": "", "sign_in": sign_in})
