"""Settings of one machine: environment variables ``RAYLENS_…`` or a ``.env`` file.

How many replicas, how large a batch, how long a queue: those are in ``config/serve.yaml``, not here.
"""

import ipaddress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from auth.external.providers import Provider, parse_providers
from auth.settings import AuthSettings
from serve_app.rate_limit.rate import parse_rates
from serve_app.secret_key import embedded_key, split_keys

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class MissingSecretKey(Exception):
    """Several processes or machines share what a secret key protects, and nobody gave them one."""


class Settings(BaseSettings):
    """Read once per process by :func:`settings`. A wrong value stops the start with one line that names it."""

    model_config = SettingsConfigDict(
        env_prefix="RAYLENS_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may be a secret
    )

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("raylens")),
        description="Folder for the embedded database, model artifacts and records that wait for the database.",
    )
    database_url: str = Field(
        default="",
        repr=False,
        description="SQLAlchemy URL, e.g. mysql+pymysql://user:password@host/raylens. "
        "Empty: SQLite in the data folder.",
    )
    redis_url: str = Field(
        default="",
        repr=False,
        description="redis://… or rediss://… for a cache shared by all replicas. "
        "Empty: a cache inside each ingress replica.",
    )
    cache_ttl_s: float = Field(default=3600.0, gt=0, description="Life of a cached result, seconds.")
    cache_size_mib: int = Field(
        default=128, ge=1, description="Memory of the embedded cache per ingress replica, MiB; the oldest goes."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the metrics, on all interfaces. 0: one that is free."
    )
    public_url: str = Field(
        default="",
        description="Address people use, like https://raylens.example.org, when it is not http://HOST:PORT.",
    )
    models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("efficientnet-lite0",),
        min_length=1,
        description="Comma-separated models to serve; the first is the default. "
        "A name of the zoo, a keras.applications class, or the path of a .keras file.",
    )
    fetch_allowed_networks: Annotated[tuple[IpNetwork, ...], NoDecode] = Field(
        default=(),
        description="Comma-separated CIDRs that image URLs may reach although they are private, "
        "e.g. 127.0.0.0/8 in development.",
    )
    anonymous: bool = Field(default=True, description="Whether images may be classified without signing in.")
    registration: bool = Field(default=True, description="Whether people may make accounts themselves.")
    password_min_length: int = Field(default=15, ge=8, le=128, description="Fewest characters of a new password.")
    providers: Annotated[tuple[Provider, ...], NoDecode] = Field(
        default=(),
        repr=False,
        description="JSON list of those who may say who somebody is: OpenID Connect providers and GitHub.",
    )
    rate_limit_anonymous: str = Field(
        default="off",
        description="Images per address, like 600/minute (second, minute, hour, day), or off. "
        "Several, separated by commas, all hold: 600/minute, 20000/day.",
    )
    rate_limit_user: str = Field(
        default="off", description="Images per user, and per application that acts for none, the same form."
    )
    rate_limit_key: str = Field(
        default="off",
        description="Images per API key, and per application and user it acts for, besides the user's own limit; "
        "the same form.",
    )
    forwarded_hops: int = Field(
        default=0,
        ge=0,
        description="Proxies of yours in front that append to X-Forwarded-For; rate limits count the address the "
        "outermost of them saw. 0: the header is not believed.",
    )
    retention_days: int | None = Field(
        default=None, ge=1, description="Days a single classification is kept; unset: for ever. Counters stay."
    )
    secret_key: str = Field(
        default="",
        repr=False,
        description="Signs and seals: at least 32 characters. Empty: made once and kept in the data folder; required "
        "with a MySQL database or Redis. Several, separated by commas: the first is used, what the others signed "
        "stays good.",
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")
    log_format: str = Field(default="text", pattern="^(text|json)$", description="text for people, json for machines.")
    slow_request_s: float = Field(
        default=10.0, ge=0, description="A request that takes longer is logged, seconds; 0: none is."
    )
    tracing: bool = Field(
        default=False,
        description="Whether traces are sent, by OTLP over HTTP; needs raylens[tracing]. "
        "Where to and how many: OpenTelemetry's own variables, OTEL_….",
    )

    @field_validator("fetch_allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        # Left to pydantic, a wrong one would be told twice: not IPv4, and not IPv6.
        return tuple(map(ipaddress.ip_network, value)) if isinstance(value, tuple) else value

    @field_validator("models", "fetch_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("rate_limit_anonymous", "rate_limit_user", "rate_limit_key")
    @classmethod
    def _rates(cls, value: str) -> str:
        parse_rates(value)
        return value

    @field_validator("providers", mode="before")
    @classmethod
    def _providers(cls, value: object) -> object:
        return parse_providers(value) if isinstance(value, str) else value

    @field_validator("secret_key")
    @classmethod
    def _secret_key(cls, value: str) -> str:
        split_keys(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        parts = urlsplit(value)
        beyond = parts.path.strip("/") or parts.query or parts.fragment or parts.username
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0 or beyond):
            raise ValueError("write where people reach Raylens, like https://raylens.example.org, without a path")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("a Redis URL starts with redis://, rediss:// or unix://")
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def artifacts_dir(self) -> Path:
        """Compiled models, by content key."""
        return self.data_dir / "artifacts"

    @property
    def spool_dir(self) -> Path:
        """Records that wait for the database."""
        return self.data_dir / "spool"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'raylens.db'}"

    @property
    def local_url(self) -> str:
        """Where it answers on this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def effective_public_url(self) -> str:
        return self.public_url or self.local_url

    @cached_property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The first signs, all are good; on a laptop made once. Raises MissingSecretKey where several must share it."""
        if keys := split_keys(self.secret_key):
            return keys
        if self.redis_url or (self.database_url and not self.database_url.startswith("sqlite")):
            raise MissingSecretKey(
                "RAYLENS_SECRET_KEY is needed with a MySQL database or Redis, the same for all that share them; "
                "`openssl rand -hex 32` makes one."
            )
        return (embedded_key(self.data_dir),)

    @property
    def auth(self) -> AuthSettings:
        """What the users' part of the service needs to know. Raises MissingSecretKey."""
        return AuthSettings(
            public_url=self.effective_public_url,
            public_url_is_given=bool(self.public_url),
            secret_keys=self.signing_keys,
            registration=self.registration,
            anonymous=self.anonymous,
            password_min_length=self.password_min_length,
            providers=self.providers,
        )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
