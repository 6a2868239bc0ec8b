"""Settings of one machine: environment variables ``RAYLENS_…`` or a ``.env`` file.

Numbers of replicas, batch sizes and queue limits are in ``config/serve.yaml``.
"""

import ipaddress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import platformdirs
from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from auth.external.providers import Provider, parse_providers
from auth.settings import AuthSettings
from serve_app.addresses import check_listen_address, check_proxy_url, check_public_url
from serve_app.database.redis_url import check_redis_url
from serve_app.env_file import first_invalid_line
from serve_app.host_patterns import parse_host_patterns
from serve_app.name_list import at_least_one, parse_names
from serve_app.rate_limit.rate import check_rates
from serve_app.secret_key import split_keys, stored_key

_ENV_FILE: Final = Path(".env")
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class MissingSecretKey(Exception):
    """No secret key: several processes must share one and none is configured, or its file cannot be used."""


class InvalidSettingsFile(Exception):
    """The file ``.env`` cannot be read; the message is one line."""


class Settings(BaseSettings):
    """Read once per process by :func:`settings`. An invalid value prevents the start with a one-line message."""

    model_config = SettingsConfigDict(
        env_prefix="RAYLENS_",
        env_file=_ENV_FILE,
        env_file_encoding="utf-8-sig",  # editors of Windows write a byte order mark
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # the input may be a secret
    )

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("raylens")),
        description="Folder for the embedded database, model artifacts and the spool.",
    )
    database_url: str = Field(
        default="",
        repr=False,
        description="SQLAlchemy URL, e.g. mysql+pymysql://user:password@host/raylens. "
        "Empty: SQLite in the data folder.",
    )
    redis_url: Annotated[str, AfterValidator(check_redis_url)] = Field(
        default="",
        repr=False,
        description="redis://… or rediss://… for a cache shared by all replicas. "
        "Empty: a cache in each ingress replica.",
    )
    cache_ttl_s: float = Field(default=3600.0, gt=0, description="Lifetime of a cached result, in seconds.")
    cache_size_mib: int = Field(
        default=128,
        ge=1,
        description="Memory limit of the embedded cache per ingress replica, in MiB.",
    )
    host: Annotated[str, AfterValidator(check_listen_address)] = Field(
        default="127.0.0.1", description="Address of this machine to listen on, or a name of one; 0.0.0.0 or ::, all."
    )
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of the metrics, on all interfaces. 0: a free port of the loopback interface.",
    )
    public_url: Annotated[str, AfterValidator(check_public_url)] = Field(
        default="",
        description="Address that users open, like https://raylens.example.org, if it is not http://HOST:PORT.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Comma-separated further names of the service, like raylens.internal or *.example.org; *: all. "
        "Those of RAYLENS_PUBLIC_URL and of this machine, addresses and names without a dot are always allowed.",
    )
    models: Annotated[tuple[str, ...], NoDecode, AfterValidator(at_least_one)] = Field(
        default=("efficientnet-lite0",),
        description="Comma-separated models to serve, or a JSON list; the first is the default. "
        "A name of the zoo, a keras.applications class, or the path of a .keras or .h5 file.",
    )
    fetch_allowed_networks: Annotated[tuple[IpNetwork, ...], NoDecode] = Field(
        default=(),
        description="Comma-separated CIDRs of private networks that image URLs may reach, "
        "e.g. 127.0.0.0/8 in development.",
    )
    fetch_proxy: Annotated[str, AfterValidator(check_proxy_url)] = Field(
        default="",
        repr=False,
        description="Forward proxy for image URLs, like http://proxy.example.org:3128. It resolves their host names "
        "and must refuse private addresses. Empty: images are fetched directly.",
    )
    anonymous: bool = Field(
        default=True, description="Whether anonymous clients may classify images and read the public lists."
    )
    registration: bool = Field(default=True, description="Whether users may create accounts themselves.")
    password_min_length: int = Field(
        default=15,
        ge=8,
        le=128,
        description="Minimum length of a new password. Shorter ones withstand fewer guesses, so fewer are checked at "
        "an attacked account.",
    )
    providers: Annotated[tuple[Provider, ...], NoDecode] = Field(
        default=(),
        repr=False,
        description="JSON list of external identity providers: OpenID Connect providers and GitHub.",
    )
    rate_limit_anonymous: Annotated[str, AfterValidator(check_rates)] = Field(
        default="off",
        description="Images per address, like 600/minute (second, minute, hour, day), or off. "
        "Several rates, separated by commas, all apply: 600/minute, 20000/day.",
    )
    rate_limit_user: Annotated[str, AfterValidator(check_rates)] = Field(
        default="off", description="Images per user, and per application that acts for no user; same form."
    )
    rate_limit_key: Annotated[str, AfterValidator(check_rates)] = Field(
        default="off",
        description="Images per API key, and per application and user, in addition to the limit of the user; "
        "same form.",
    )
    forwarded_hops: int = Field(
        default=0,
        ge=0,
        le=16,
        description="Number of your own proxies that append to X-Forwarded-For; limits and the audit log use the "
        "address that the outermost of them saw. 0: that of the connection. Raylens's own HAProxy does not count.",
    )
    connections_per_address: int = Field(
        default=1024,
        ge=0,
        description="Concurrent connections of one client address (IPv6: of a /64 network), at most an eighth of all; "
        "with RAYLENS_FORWARDED_HOPS, its concurrent requests. 0: unlimited.",
    )
    retention_days: int | None = Field(
        default=None,
        ge=1,
        description="Days after which a classification is deleted; unset: never. Anonymous counts remain.",
    )
    secret_key: str = Field(
        default="",
        repr=False,
        description="Key for signatures and encryption, at least 32 characters. Empty: generated and stored in the "
        "data folder. Required with a MySQL database or Redis. Several keys, separated by commas: the first is used, "
        "the others are still accepted.",
    )
    direct_calls: bool = Field(
        default=True,
        description="Whether replicas on one machine call each other through Unix sockets. false: by gRPC, as between "
        "machines.",
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Minimum log level.")
    log_format: str = Field(default="text", pattern="^(text|json)$", description="Format of the log: text or json.")
    slow_request_s: float = Field(
        default=10.0, ge=0, description="Requests that take longer are logged, in seconds; 0: none."
    )
    tracing: bool = Field(
        default=False,
        description="Whether traces are exported by OTLP over HTTP; requires raylens[tracing]. "
        "OpenTelemetry's variables OTEL_… set the endpoint and the sampling.",
    )

    @field_validator("fetch_allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        # Pydantic would report an invalid network twice: as IPv4 and as IPv6.
        return tuple(map(ipaddress.ip_network, value)) if isinstance(value, tuple) else value

    @field_validator("models", "fetch_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return parse_names(value) if isinstance(value, str) else value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _allowed_hosts(cls, value: object) -> object:
        return parse_host_patterns(value) if isinstance(value, str) else value

    @field_validator("providers", mode="before")
    @classmethod
    def _providers(cls, value: object) -> object:
        return parse_providers(value) if isinstance(value, str) else value

    @field_validator("secret_key")
    @classmethod
    def _secret_key(cls, value: str) -> str:
        split_keys(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        """Rejects what cannot work, and makes the path of SQLite absolute: replicas may run in another folder."""
        if not value:
            return value
        from serve_app.database.database_url import parse_database_url  # noqa: PLC0415 - imports SQLAlchemy

        url = parse_database_url(value)
        return url.render_as_string(hide_password=False) if url.get_backend_name() == "sqlite" else value.strip()

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        if not str(value).isprintable():  # Ray, HAProxy and logs take only text
            raise ValueError("the name of the folder has control characters, or bytes that are not UTF-8")
        try:
            return value.expanduser().absolute()
        except RuntimeError:
            raise ValueError("the home folder of the user is unknown; write the full path") from None

    @property
    def artifacts_dir(self) -> Path:
        """Exported models, by content key."""
        return self.data_dir / "artifacts"

    @property
    def spool_dir(self) -> Path:
        """Records for the database while it is unavailable."""
        return self.data_dir / "spool"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{quote(str(self.data_dir / 'raylens.db'), safe='/ +')}"

    @property
    def local_url(self) -> str:
        """The address on this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect, as far as the address shows it."""
        return self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"

    @property
    def effective_public_url(self) -> str:
        return self.public_url or self.local_url

    @cached_property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The first key signs, all are accepted. Raises MissingSecretKey if a key must be configured."""
        if keys := split_keys(self.secret_key):
            return keys
        if self.redis_url or (self.database_url and not self.database_url.startswith("sqlite")):
            raise MissingSecretKey(
                "RAYLENS_SECRET_KEY is required with a MySQL database or Redis, the same for all that share them; "
                "create one with `openssl rand -hex 32`."
            )
        try:
            return (stored_key(self.data_dir),)
        except OSError as error:
            raise MissingSecretKey(
                f"{self.data_dir / 'secret.key'} cannot be read or created: {error.strerror}; correct that, or set "
                "RAYLENS_SECRET_KEY."
            ) from None
        except ValueError as error:
            raise MissingSecretKey(f"{error}.") from None

    @property
    def auth(self) -> AuthSettings:
        """The settings of users and sign-in. Raises MissingSecretKey."""
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
    """The settings of this process. Raises InvalidSettingsFile, or ValidationError for an invalid value."""
    try:
        line = first_invalid_line(_ENV_FILE)
        if line is not None:
            raise InvalidSettingsFile(f"{_ENV_FILE.absolute()}: line {line} is not NAME=value; correct or delete it.")
        return Settings()
    except UnicodeDecodeError:
        raise InvalidSettingsFile(f"{_ENV_FILE.absolute()} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise InvalidSettingsFile(f"{_ENV_FILE.absolute()} cannot be read: {error.strerror}.") from None
