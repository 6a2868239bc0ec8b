"""Others who may say who somebody is: any OpenID Connect provider, and GitHub."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

GITHUB: Final = "https://github.com"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
TITLES: Final = {
    "accounts.google.com": "Google",
    "github.com": "GitHub",
    "gitlab.com": "GitLab",
    "login.microsoftonline.com": "Microsoft",
}
PRINTABLE: Final = r"^[\x20-\x7e]*$"
"""All that OAuth lets a client's id and secret be made of."""


class Provider(BaseModel):
    """One of the settings' providers. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Its name in addresses, e.g. google.")
    kind: Literal["oidc", "github"] = Field(default="oidc")
    issuer: str = Field(
        default="",
        max_length=255,
        validate_default=True,
        description="Its OpenID Connect issuer, exactly as it writes it, e.g. https://accounts.google.com. "
        "Of kind github: where GitHub Enterprise is, if it is not github.com.",
    )
    api_url: str = Field(
        default="",
        validate_default=True,
        description="Of kind github: its API. Empty: https://api.github.com, and /api/v3 of GitHub Enterprise.",
    )
    client_id: str = Field(min_length=1, pattern=PRINTABLE)
    client_secret: str = Field(default="", pattern=PRINTABLE, repr=False)
    client_secret_file: Path | None = Field(default=None, description="A file that holds the secret, instead of it.")
    scopes: str = Field(
        default="", validate_default=True, description="Empty: openid profile email, and user:email of GitHub."
    )
    registers: bool = Field(default=True, description="Whether strangers it vouches for get an account.")
    title: str = Field(
        default="", max_length=100, validate_default=True, description="What the button says; made of the name if empty"
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("kind") == "github":
            return checked_url(value.rstrip("/") or GITHUB)
        if not value:
            raise ValueError("an OpenID Connect provider needs it, e.g. https://accounts.google.com")
        return checked_url(value)

    @field_validator("api_url")
    @classmethod
    def _api_url(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("kind") != "github":
            if value:
                raise ValueError("only for kind github")
            return value
        issuer = info.data.get("issuer", GITHUB)
        return checked_url(value.rstrip("/") or ("https://api.github.com" if issuer == GITHUB else f"{issuer}/api/v3"))

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("kind") == "github":
            return value or "user:email"
        value = value or "openid profile email"
        if "openid" not in value.split():
            raise ValueError("openid must be among them, or nobody says who signed in")
        return value

    @field_validator("title")
    @classmethod
    def _title(cls, value: str, info: ValidationInfo) -> str:
        host = urlsplit(info.data.get("issuer", "")).hostname or ""
        return value or TITLES.get(host) or str(info.data.get("name", "")).replace("-", " ").capitalize()

    @model_validator(mode="before")
    @classmethod
    def _secret(cls, values: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The secret of its file."""
        if not isinstance(values, dict) or not values.get("client_secret_file"):
            return values
        if values.get("client_secret"):
            raise ValueError("client_secret and client_secret_file are both there; give one")
        path = str(values["client_secret_file"])
        try:
            return values | {"client_secret": Path(path).read_text().strip()}
        except (OSError, ValueError) as error:
            raise ValueError(f"client_secret_file {path} cannot be read: {type(error).__name__}") from None

    @model_validator(mode="after")
    def _github_has_secret(self) -> "Provider":
        if self.kind == "github" and not self.client_secret:
            raise ValueError("GitHub needs client_secret or client_secret_file")
        return self


def checked_url(url: str) -> str:
    """The URL of something to be trusted with who signs in: https, or this machine. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError("it must begin with https://")
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("it must be a plain address, without user, query or fragment")
    return url


def parse_providers(text: str) -> tuple[Provider, ...]:
    """The setting: a JSON list of objects with the fields of :class:`Provider`; empty for none.

    Raises ValueError with one line that says what to change, without any value of it: it holds secrets.
    """
    try:
        listed = json.loads(text or "[]")
    except (ValueError, RecursionError):
        raise ValueError('it is not JSON; it looks like [{"name": "google", "issuer": "https://…", …}]') from None
    if not isinstance(listed, list):
        raise ValueError("it must be a JSON list of objects, also for a single one")
    providers = tuple(_parse(place, values) for place, values in enumerate(listed, 1))
    twice = [name for name, count in Counter(provider.name for provider in providers).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]} is there twice; each needs a name of its own")
    return providers


def _parse(place: int, values: object) -> Provider:
    try:
        return Provider.model_validate(values)
    except ValidationError as error:
        faults = (
            ": ".join([*map(str, fault["loc"]), fault["msg"].removeprefix("Value error, ")]) for fault in error.errors()
        )
        raise ValueError(f"provider {place}: {'; '.join(faults)}") from None
