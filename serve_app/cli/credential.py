"""What a server lets the user of this machine in with."""

import math

from pydantic import BaseModel, ConfigDict, Field


class Endpoints(BaseModel):
    """Of an OAuth server, as its metadata names them (RFC 8414)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str


class SignIn(BaseModel):
    """What came of `raylens login`, apart from the access token itself. Without a refresh token it is over."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    endpoints: Endpoints
    refresh_token: str = Field(repr=False)
    expires_at: float
    """When the access token ends, Unix seconds of this machine's clock."""
    since: float
    """When the user signed in."""
    ends_at: float | None = None
    """When they have to sign in again at the latest, where the server said so."""


class Credential(BaseModel):
    """An access token that is renewed, or an API key."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    server: str
    token: str = Field(repr=False)
    username: str
    scopes: tuple[str, ...]
    sign_in: SignIn | None = None
    """None for an API key."""

    @property
    def is_over(self) -> bool:
        """The server renews it no more."""
        return self.sign_in is not None and not self.sign_in.refresh_token

    def seconds_left(self, now: float) -> float:
        """Of the access token; an API key ends when its server says so."""
        return self.sign_in.expires_at - now if self.sign_in else math.inf

    def over(self) -> "Credential":
        """What is kept of one that the server refused: commands say so, instead of going on as nobody."""
        if self.sign_in is None:
            return self
        sign_in = self.sign_in.model_copy(update={"refresh_token": ""})
        return self.model_copy(update={"token": "", "sign_in": sign_in})
