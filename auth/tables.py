"""The tables of users and of what they get in with.

Times are microseconds since 1970 in integers: they order and compare exactly on every database. Of every secret only
the SHA-256 is kept; what is random enough to be a secret needs no slower hash. Passwords are argon2id.
"""

from typing import Any

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

MYSQL = ("mysql", "mariadb")
metadata = MetaData()

_OPTIONS: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


def _id() -> Column[int]:
    """Never given twice, or what a deleted user left would be the next one's."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _digest(name: str = "digest") -> Column[bytes]:
    return Column(name, _sha256(), nullable=False)


def _sha256() -> TypeEngine[bytes]:
    return LargeBinary(32).with_variant(mysql.BINARY(32), *MYSQL)


def _user(nullable: bool = False) -> Column[int]:
    key = ForeignKey("users.id", ondelete="CASCADE")
    return Column("user_id", BigInteger().with_variant(Integer, "sqlite"), key, nullable=nullable)


def _client() -> Column[str]:
    return Column("client_id", String(64), ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False)


def _time(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


users = Table(
    "users",
    metadata,
    _id(),
    Column("username", String(150), nullable=False),
    Column("username_key", String(150), nullable=False),
    Column("email", String(254), nullable=False),
    Column("password", String(255)),
    Column("role", String(16), nullable=False),
    _time("created_us"),
    _time("password_changed_us", nullable=True),
    _time("disabled_us", nullable=True),
    _time("deleted_us", nullable=True),
    Index("users_by_name", "username_key", unique=True),
    sqlite_autoincrement=True,
    **_OPTIONS,
)
"""``username`` as its owner writes it, ``username_key`` what makes it one name. ``password`` is null for who signs in
elsewhere. A deleted user stays, nameless, until what was under way for them is cleared up."""

credentials = Table(
    "credentials",
    metadata,
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
"""What a user gets in with: cookie sessions, tokens and API keys. ``expires_us`` is absolute, null for never;
sessions and tokens also end when they were not ``seen_us`` for long. ``hint`` is the start of a key, to know it by."""

identities = Table(
    "identities",
    metadata,
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
"""Accounts elsewhere that sign a user in, known by who says so and what that one calls them, never by e-mail."""

oauth_clients = Table(
    "oauth_clients",
    metadata,
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
"""Applications of partners. ``secret_digest`` is null for public ones; a trusted one asks for no consent."""

oauth_consents = Table(
    "oauth_consents",
    metadata,
    Column("user_id", users.c.id.type, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", String(64), ForeignKey("oauth_clients.id", ondelete="CASCADE"), primary_key=True),
    Column("scopes", String(255), nullable=False),
    _time("created_us"),
    _time("seen_us"),
    **_OPTIONS,
)
"""What a user lets an application do."""

oauth_families = Table(
    "oauth_families",
    metadata,
    _id(),
    _user(nullable=True),
    _client(),
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
"""All that came of one authorization: its code, its access and refresh tokens. They end together. Client
credentials have families without a user."""

oauth_codes = Table(
    "oauth_codes",
    metadata,
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
    metadata,
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
"""Access and refresh tokens. ``used_us``: when a refresh token was exchanged for its successor."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("public", JSON, nullable=False),
    _time("created_us"),
    _time("signs_from_us"),
    _time("retired_us", nullable=True),
    **_OPTIONS,
)
"""The id_token's keys; the private half is sealed with the secret key of the settings. Of replicas that make the next
generation at once, one does. ``retired_us``: from when a key is not published any more."""

throttles = Table(
    "throttles",
    metadata,
    Column("digest", _sha256(), primary_key=True),
    Column("failures", Integer, nullable=False),
    _time("blocked_until_us"),
    _time("seen_us"),
    Index("throttles_by_time", "seen_us"),
    **_OPTIONS,
)
"""Failed sign-ins, by the digest of what is watched: a name, an address, or both."""

audit = Table(
    "audit",
    metadata,
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
"""Sign-ins and changes: of whom (``user_id``), by whom (``actor_id``). It outlives its users, without their names."""
