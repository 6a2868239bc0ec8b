"""Settings of external identity providers: any OpenID Connect provider, and GitHub."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

_GITHUB: Final = "https://github.com"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TITLES: Final = {
    "accounts.google.com": "Google",
    "github.com": "GitHub",
    "gitlab.com": "GitLab",
    "login.microsoftonline.com": "Microsoft",
}
_PRINTABLE: Final = r"^[\x20-\x7e]*$"
"""Characters of a client id and secret (RFC 6749, appendix A)."""


class Provider(BaseModel):
    """One provider of ``RAYLENS_PROVIDERS``. Unknown keys are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Name in URLs, e.g. google.")
    kind: Literal["oidc", "github"] = Field(default="oidc")
    issuer: str = Field(
        default="",
        max_length=255,
        validate_default=True,
        description="OpenID Connect issuer, exactly as in its discovery document, e.g. https://accounts.google.com. "
        "For kind github: the address of GitHub Enterprise; empty: https://github.com.",
    )
    api_url: str = Field(
        default="",
        validate_default=True,
        description="For kind github: address of the API. Empty: https://api.github.com, /api/v3 of GitHub Enterprise.",
    )
    client_id: str = Field(min_length=1, pattern=_PRINTABLE)
    client_secret: str = Field(default="", pattern=_PRINTABLE, repr=False)
    client_secret_file: Path | None = Field(default=None, description="File with the client secret.")
    scopes: str = Field(
        default="", validate_default=True, description="Empty: openid profile email, or user:email for GitHub."
    )
    registers: bool = Field(default=True, description="Whether new users get an account.")
    title: str = Field(
        default="",
        max_length=100,
        validate_default=True,
        description="Text on the button. Empty: derived from name.",
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("kind") == "github":
            return checked_url(value.rstrip("/") or _GITHUB)
        if not value:
            raise ValueError("required for an OpenID Connect provider, e.g. https://accounts.google.com")
        return checked_url(value)

    @field_validator("api_url")
    @classmethod
    def _api_url(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("kind") != "github":
            if value:
                raise ValueError("only for kind github")
            return value
        issuer = info.data.get("issuer", _GITHUB)
        return checked_url(value.rstrip("/") or ("https://api.github.com" if issuer == _GITHUB else f"{issuer}/api/v3"))

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("kind") == "github":
            return value or "user:email"
        value = value or "openid profile email"
        if "openid" not in value.split():
            raise ValueError("must include openid")
        return value

    @field_validator("title")
    @classmethod
    def _title(cls, value: str, info: ValidationInfo) -> str:
        host = urlsplit(info.data.get("issuer", "")).hostname or ""
        return value or _TITLES.get(host) or str(info.data.get("name", "")).replace("-", " ").capitalize()

    @model_validator(mode="before")
    @classmethod
    def _secret(cls, values: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Read ``client_secret_file``."""
        if not isinstance(values, dict) or not values.get("client_secret_file"):
            return values
        if values.get("client_secret"):
            raise ValueError("client_secret and client_secret_file exclude each other; remove one")
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
    """The URL itself. Raises ValueError unless it is https, or http on a loopback address."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must begin with https://")
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must have no user, query or fragment")
    return url


def parse_providers(text: str) -> tuple[Provider, ...]:
    """Parse ``RAYLENS_PROVIDERS``: a JSON list of objects with the fields of :class:`Provider`; may be empty.

    Raises ValueError with one line that contains no values, which may be secret.
    """
    try:
        listed = json.loads(text or "[]")
    except (ValueError, RecursionError):
        raise ValueError('is not valid JSON; expected [{"name": "google", "issuer": "https://…", …}]') from None
    if not isinstance(listed, list):
        raise ValueError("must be a JSON list of objects, even for a single provider")
    providers = tuple(_parse(number, values) for number, values in enumerate(listed, 1))
    repeated = [name for name, count in Counter(provider.name for provider in providers).items() if count > 1]
    if repeated:
        raise ValueError(f"the name {repeated[0]} is used more than once")
    return providers


def _parse(number: int, values: object) -> Provider:
    try:
        return Provider.model_validate(values)
    except ValidationError as invalid:
        messages = [
            ": ".join([*map(str, error["loc"]), error["msg"].removeprefix("Value error, ")])
            for error in invalid.errors()
        ]
        raise ValueError(f"provider {number}: {'; '.join(messages)}") from None
