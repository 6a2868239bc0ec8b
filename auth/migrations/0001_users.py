"""Users, what they get in with, and the OAuth server's tables.

A change speaks of the tables as they were then, so it repeats the columns instead of importing them.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None

_MYSQL = ("mysql", "mariadb")
_OPTIONS: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


def _id_type() -> TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _id_type(), primary_key=True)


def _sha256() -> TypeEngine[bytes]:
    return sa.LargeBinary(32).with_variant(mysql.BINARY(32), *_MYSQL)


def _digest() -> sa.Column[bytes]:
    return sa.Column("digest", _sha256(), nullable=False)


def _user(nullable: bool = False) -> sa.Column[int]:
    return sa.Column("user_id", _id_type(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=nullable)


def _client() -> sa.Column[str]:
    key = sa.ForeignKey("oauth_clients.id", ondelete="CASCADE")
    return sa.Column("client_id", sa.String(64), key, nullable=False)


def _time(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "users",
        _id(),
        sa.Column("username", sa.String(150), nullable=False),
        sa.Column("username_key", sa.String(150), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("password", sa.String(255)),
        sa.Column("role", sa.String(16), nullable=False),
        _time("created_us"),
        _time("password_changed_us", nullable=True),
        _time("disabled_us", nullable=True),
        _time("deleted_us", nullable=True),
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    op.create_index("users_by_name", "users", ["username_key"], unique=True)
    op.create_table(
        "credentials",
        _id(),
        sa.Column("kind", sa.String(16), nullable=False),
        _digest(),
        _user(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("scopes", sa.String(255), nullable=False),
        _time("created_us"),
        _time("seen_us"),
        _time("expires_us", nullable=True),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(255), nullable=False),
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    op.create_index("credentials_by_digest", "credentials", ["digest"], unique=True)
    op.create_index("credentials_by_user", "credentials", ["user_id", "kind"])
    op.create_table(
        "identities",
        _id(),
        _user(),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        _time("created_us"),
        _time("seen_us"),
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    op.create_index("identities_by_subject", "identities", ["issuer", "subject"], unique=True)
    op.create_index("identities_by_user", "identities", ["user_id"])
    op.create_table(
        "oauth_clients",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("secret_digest", _sha256()),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("uri", sa.String(500), nullable=False),
        sa.Column("redirect_uris", sa.JSON, nullable=False),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("grants", sa.String(255), nullable=False),
        sa.Column("auth_method", sa.String(32), nullable=False),
        sa.Column("trusted", sa.Boolean, nullable=False),
        _time("created_us"),
        _time("disabled_us", nullable=True),
        **_OPTIONS,
    )
    op.create_table(
        "oauth_consents",
        sa.Column("user_id", _id_type(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("client_id", sa.String(64), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("scopes", sa.String(255), nullable=False),
        _time("created_us"),
        _time("seen_us"),
        **_OPTIONS,
    )
    op.create_table(
        "oauth_families",
        _id(),
        _user(nullable=True),
        _client(),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("nonce", sa.String(255), nullable=False),
        _time("authenticated_us"),
        _time("created_us"),
        _time("expires_us"),
        _time("revoked_us", nullable=True),
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    op.create_index("oauth_families_by_user", "oauth_families", ["user_id", "client_id"])
    op.create_index("oauth_families_by_client", "oauth_families", ["client_id"])
    op.create_index("oauth_families_by_expiry", "oauth_families", ["expires_us"])
    op.create_table(
        "oauth_codes",
        sa.Column("digest", _sha256(), primary_key=True),
        sa.Column("family_id", _id_type(), sa.ForeignKey("oauth_families.id", ondelete="CASCADE"), nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("challenge", sa.String(128), nullable=False),
        _time("expires_us"),
        _time("used_us", nullable=True),
        **_OPTIONS,
    )
    op.create_index("oauth_codes_by_family", "oauth_codes", ["family_id"])
    op.create_table(
        "oauth_tokens",
        sa.Column("digest", _sha256(), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("family_id", _id_type(), sa.ForeignKey("oauth_families.id", ondelete="CASCADE"), nullable=False),
        sa.Column("scopes", sa.String(255), nullable=False),
        _time("created_us"),
        _time("expires_us"),
        _time("used_us", nullable=True),
        _time("revoked_us", nullable=True),
        **_OPTIONS,
    )
    op.create_index("oauth_tokens_by_family", "oauth_tokens", ["family_id"])
    op.create_index("oauth_tokens_by_expiry", "oauth_tokens", ["expires_us"])
    op.create_table(
        "signing_keys",
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("public", sa.JSON, nullable=False),
        _time("created_us"),
        _time("signs_from_us"),
        _time("retired_us", nullable=True),
        **_OPTIONS,
    )
    op.create_table(
        "throttles",
        sa.Column("digest", _sha256(), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        _time("blocked_until_us"),
        _time("seen_us"),
        **_OPTIONS,
    )
    op.create_index("throttles_by_time", "throttles", ["seen_us"])
    op.create_table(
        "audit",
        _id(),
        _time("at_us"),
        sa.Column("event", sa.String(48), nullable=False),
        sa.Column("user_id", sa.BigInteger),
        sa.Column("actor_id", sa.BigInteger),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(255), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    op.create_index("audit_by_user", "audit", ["user_id", "id"])
    op.create_index("audit_by_event", "audit", ["event", "id"])
    op.create_index("audit_by_time", "audit", ["at_us"])


def downgrade() -> None:
    tables = [
        "audit",
        "throttles",
        "signing_keys",
        "oauth_tokens",
        "oauth_codes",
        "oauth_families",
        "oauth_consents",
        "oauth_clients",
        "identities",
        "credentials",
        "users",
    ]
    for table in tables:
        op.drop_table(table)
