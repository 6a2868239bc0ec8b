"""Settings of one machine: environment variables ``RAYLENS_…`` or a ``.env`` file.

How many replicas, how large a batch, how long a queue: those are in ``config/serve.yaml``, not here.
"""

import contextlib
import ipaddress
import os
import secrets
import tempfile
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from serve_app.rate import parse_rate

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(BaseSettings):
    """Read once per process by :func:`settings`. A wrong value stops the start with one line that names it."""

    model_config = SettingsConfigDict(
        env_prefix="RAYLENS_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("raylens")),
        description="Folder for the embedded database, model artifacts and records that wait for the database.",
    )
    database_url: str = Field(
        default="",
        description="SQLAlchemy URL, e.g. mysql+pymysql://user:password@host/raylens. "
        "Empty: SQLite in the data folder.",
    )
    redis_url: str = Field(
        default="",
        description="redis://… or rediss://… for a cache shared by all replicas. "
        "Empty: a cache inside each ingress replica.",
    )
    cache_ttl_s: float = Field(default=3600.0, gt=0, description="Life of a cached result, seconds.")
    cache_size_mib: int = Field(
        default=128, ge=1, description="Memory of the embedded cache per ingress replica, MiB; the oldest goes."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    public_url: str = Field(
        default="", description="Address people use when it is not http://HOST:PORT, e.g. behind a load balancer."
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
    rate_limit_anonymous: str = Field(
        default="off", description="Images per address, like 600/minute (second, minute, hour, day), or off."
    )
    rate_limit_user: str = Field(default="off", description="Images per signed-in user, the same form.")
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
        default="", description="Signs cursors and cookies. Empty: made once and kept in the data folder."
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")
    log_format: str = Field(default="text", pattern="^(text|json)$", description="text for people, json for machines.")

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

    @field_validator("rate_limit_anonymous", "rate_limit_user")
    @classmethod
    def _rate(cls, value: str) -> str:
        parse_rate(value)
        return value

    @field_validator("anonymous")
    @classmethod
    def _nobody_can_sign_in(cls, value: bool) -> bool:
        if not value:
            raise ValueError("there are no users yet who could sign in, so nobody could classify; leave it true")
        return value

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
    def effective_public_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @cached_property
    def signing_key(self) -> bytes:
        """The secret key; on a laptop made once, readable by its owner only."""
        if self.secret_key:
            return self.secret_key.encode()
        path = self.data_dir / "secret.key"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.data_dir) as draft:  # readable by its owner only
                draft.write(secrets.token_hex(32).encode())
                draft.flush()
                with contextlib.suppress(FileExistsError):  # another process was faster; its key is the one
                    os.link(draft.name, path)
        return path.read_bytes()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
