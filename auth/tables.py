"""Database tables of users, credentials, the OAuth server and the audit log.

Times are integers, microseconds since the Unix epoch: they compare exactly on every database. Secrets are stored as
SHA-256 only, which is enough for 256 random bits; passwords are stored as argon2id hashes.
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

MAX_ID: Final = (1 << 63) - 1
"""Largest value of an id column."""
auth_metadata = MetaData()

_OPTIONS: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


def _id() -> Column[int]:
    """Never reused, so that no new user inherits what a deleted one left behind."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _digest(name: str = "digest") -> Column[bytes]:
    return Column(name, _sha256(), nullable=False)


def _sha256() -> TypeEngine[bytes]:
    return LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")


def _user(nullable: bool = False) -> Column[int]:
    key = ForeignKey("users.id", ondelete="CASCADE")
    return Column("user_id", BigInteger().with_variant(Integer, "sqlite"), key, nullable=nullable)


def _client() -> Column[str]:
    return Column("client_id", String(64), ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False)


def _time(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


users = Table(
    "users",
    auth_metadata,
    _id(),
    Column("username", String(150), nullable=False),
    Column("username_key", String(150), nullable=False),
    Column("username_skeleton", _sha256()),
    Column("email", String(254), nullable=False),
    Column("password", String(255)),
    Column("role", String(16), nullable=False),
    _time("created_us"),
    _time("password_changed_us", nullable=True),
    _time("disabled_us", nullable=True),
    _time("deleted_us", nullable=True),
    Index("users_by_name", "username_key", unique=True),
    Index("users_by_skeleton", "username_skeleton", unique=True),
    Index("users_by_role", "role"),
    sqlite_autoincrement=True,
    **_OPTIONS,
)
"""``username`` as entered, ``username_key`` its normalized form for comparison. ``username_skeleton`` is the digest of
what it looks like, null if an older user's name looks the same. ``password`` is null for users who sign in with a
provider only. A deleted user's anonymized row remains until their data is erased."""

credentials = Table(
    "credentials",
    auth_metadata,
    _id(),
    Column("kind", String(16), nullable=False),
    _digest(),
    _user(),
    Column("name", String(100), nullable=False),
    Column("hint", String(16), nullable=False),
    Column("scopes", String(255), nullable=False),
    _time("created_us"),
    _time("seen_us"),
    _time("expires_us", nullable=True),
    Column("address", String(64), nullable=False),
    Column("user_agent", String(255), nullable=False),
    Index("credentials_by_digest", "digest", unique=True),
    Index("credentials_by_user", "user_id", "kind"),
    sqlite_autoincrement=True,
    **_OPTIONS,
)
"""Session cookies, tokens and API keys. ``expires_us`` is the absolute expiry, null for none; sessions and tokens also
expire after a time without use (``seen_us``). ``hint`` is the beginning of an API key, to recognize it by."""

identities = Table(
    "identities",
    auth_metadata,
    _id(),
    _user(),
    Column("provider", String(64), nullable=False),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("email", String(254), nullable=False),
    _time("created_us"),
    _time("seen_us"),
    Index("identities_by_subject", "issuer", "subject", unique=True),
    Index("identities_by_user", "user_id"),
    sqlite_autoincrement=True,
    **_OPTIONS,
)
"""External accounts that sign a user in, identified by issuer and subject, never by e-mail address."""

oauth_clients = Table(
    "oauth_clients",
    auth_metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_digest", _sha256()),
    Column("name", String(100), nullable=False),
    Column("uri", String(500), nullable=False),
    Column("redirect_uris", JSON, nullable=False),
    Column("scopes", String(255), nullable=False),
    Column("grants", String(255), nullable=False),
    Column("auth_method", String(32), nullable=False),
    Column("trusted", Boolean, nullable=False),
    _time("created_us"),
    _time("disabled_us", nullable=True),
    **_OPTIONS,
)
"""Client applications. ``secret_digest`` is null for public clients; a trusted client needs no consent."""

oauth_consents = Table(
    "oauth_consents",
    auth_metadata,
    Column("user_id", users.c.id.type, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", String(64), ForeignKey("oauth_clients.id", ondelete="CASCADE"), primary_key=True),
    Column("scopes", String(255), nullable=False),
    _time("created_us"),
    _time("seen_us"),
    **_OPTIONS,
)
"""Scopes that a user granted to an application."""

oauth_devices = Table(
    "oauth_devices",
    auth_metadata,
    _id(),
    _user(),
    _client(),
    Column("thumbprint", _sha256(), nullable=False),
    Column("name", String(64), nullable=False),
    Column("scopes", String(255), nullable=False),
    _time("created_us"),
    _time("seen_us"),
    Column("address", String(64), nullable=False),
    Index("oauth_devices_by_thumbprint", "user_id", "client_id", "thumbprint", unique=True),
    sqlite_autoincrement=True,
    **_OPTIONS,
)
"""Devices on which a user consented to a native client, known by the thumbprint of a key that the client keeps there.
``name`` is what the device calls itself."""

oauth_families = Table(
    "oauth_families",
    auth_metadata,
    _id(),
    _user(nullable=True),
    _client(),
    Column("device_id", BigInteger),
    Column("scopes", String(255), nullable=False),
    Column("nonce", String(255), nullable=False),
    _time("authenticated_us"),
    _time("created_us"),
    _time("expires_us"),
    _time("revoked_us", nullable=True),
    Index("oauth_families_by_user", "user_id", "client_id"),
    Index("oauth_families_by_client", "client_id"),
    Index("oauth_families_by_expiry", "expires_us"),
    sqlite_autoincrement=True,
    **_OPTIONS,
)
"""A token family: code, access and refresh tokens of one authorization, which are revoked together. Families of the
client credentials grant have no user. ``device_id`` is the known device that asked for it, which may be forgotten."""

oauth_codes = Table(
    "oauth_codes",
    auth_metadata,
    Column("digest", _sha256(), primary_key=True),
    Column("family_id", oauth_families.c.id.type, ForeignKey("oauth_families.id", ondelete="CASCADE"), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", String(128), nullable=False),
    _time("expires_us"),
    _time("used_us", nullable=True),
    Index("oauth_codes_by_family", "family_id"),
    **_OPTIONS,
)

oauth_tokens = Table(
    "oauth_tokens",
    auth_metadata,
    Column("digest", _sha256(), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("family_id", oauth_families.c.id.type, ForeignKey("oauth_families.id", ondelete="CASCADE"), nullable=False),
    Column("scopes", String(255), nullable=False),
    _time("created_us"),
    _time("expires_us"),
    _time("used_us", nullable=True),
    _time("revoked_us", nullable=True),
    Index("oauth_tokens_by_family", "family_id"),
    Index("oauth_tokens_by_expiry", "expires_us"),
    **_OPTIONS,
)
"""Access and refresh tokens. ``used_us`` is when a refresh token was exchanged for its successor."""

signing_keys = Table(
    "signing_keys",
    auth_metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("public", JSON, nullable=False),
    _time("created_us"),
    _time("signs_from_us"),
    _time("retired_us", nullable=True),
    **_OPTIONS,
)
"""Keys that sign id_tokens; the private key is encrypted with the secret key of the settings. The primary key lets only
one of several replicas add the next generation. ``retired_us`` is when a key is no longer published."""

throttles = Table(
    "throttles",
    auth_metadata,
    Column("digest", _sha256(), primary_key=True),
    Column("failures", Integer, nullable=False),
    _time("blocked_until_us"),
    _time("seen_us"),
    Index("throttles_by_time", "seen_us"),
    **_OPTIONS,
)
"""Failed sign-ins by throttle key: the digest of an account, an address, or both."""

audit = Table(
    "audit",
    auth_metadata,
    _id(),
    _time("at_us"),
    Column("event", String(48), nullable=False),
    Column("user_id", BigInteger),
    Column("actor_id", BigInteger),
    Column("client_id", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("user_agent", String(255), nullable=False),
    Column("detail", JSON, nullable=False),
    Index("audit_by_user", "user_id", "id"),
    Index("audit_by_event", "event", "id"),
    Index("audit_by_time", "at_us"),
    sqlite_autoincrement=True,
    **_OPTIONS,
)
"""Sign-ins and changes of an account (``user_id``) by someone (``actor_id``). Rows outlive the users, without names."""
