"""Others who may say who somebody is: any OpenID Connect provider, and GitHub."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Provider(BaseModel):
    """One of the settings' providers. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Its name in addresses, e.g. google.")
    title: str = Field(default="", max_length=100, description="What the button says; the name if empty.")
    kind: Literal["oidc", "github"] = Field(default="oidc")
    issuer: str = Field(default="", description="An OpenID Connect issuer, e.g. https://accounts.google.com.")
    client_id: str = Field(min_length=1)
    client_secret: str = Field(default="", repr=False)
    scopes: str = Field(default="openid profile email")
    registers: bool = Field(default=True, description="Whether strangers it vouches for get an account.")
