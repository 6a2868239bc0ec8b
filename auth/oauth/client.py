"""A registered client, and the validation of its fields."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from auth.oauth.display_text import imitates_raylens, is_presentable
from auth.oauth.redirect_uris import matches, may_be_registered
from auth.principal import ALL_SCOPES, Scope, Scopes, parse_scopes, render_scopes

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105
CLIENT_CREDENTIALS: Final = "client_credentials"
GRANT_TYPES: Final = frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS})

USER_SCOPES: Final[Scopes] = frozenset({Scope.OPENID, Scope.PROFILE, Scope.ADMIN})
"""Scopes that require a user, so they are not available with client credentials."""
_EXPLICIT_SCOPES: Final[Scopes] = frozenset({Scope.OPENID, Scope.ADMIN})
"""Scopes that are granted only if requested by name."""

_MAX_REDIRECT_URIS: Final = 20
_ID: Final = re.compile(r"[a-z][a-z0-9._-]{2,63}")
_HOME_PAGE: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!#-&(-;=?-~]*)?")


@dataclass(frozen=True, slots=True)
class Client:
    """Has the methods of Authlib's ``ClientMixin``."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    scopes: Scopes
    """Scopes that it may request."""
    grants: frozenset[str]
    uri: str
    """Home page; may be empty."""
    is_public: bool
    """Without a secret, because its users could read it."""
    is_trusted: bool
    """First-party: requires no consent, and may introspect access tokens of other clients."""
    created_us: int = 0
    is_disabled: bool = False
    secret_digest: bytes | None = field(default=None, repr=False)

    def check_redirect_uri(self, uri: str) -> bool:
        return any(matches(registered, uri) for registered in self.redirect_uris)

    def check_response_type(self, _response_type: str) -> bool:
        """``code`` is the only one."""
        return self.check_grant_type(AUTHORIZATION_CODE)

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The requested scopes, or the default ones; None if any is not allowed."""
        requested = parse_scopes(scope) if scope else self.scopes - _EXPLICIT_SCOPES
        return render_scopes(requested) if requested and requested <= self.scopes else None

    @property
    def own_scopes(self) -> Scopes:
        """Scopes available with client credentials."""
        return self.scopes - USER_SCOPES


def client_errors(client: Client) -> dict[str, list[str]]:
    """Validation errors by field."""
    found: dict[str, list[str]] = {}
    for name, message in _errors(client):
        found.setdefault(name, []).append(message)
    return found


def _errors(client: Client) -> Iterator[tuple[str, str]]:
    if not _ID.fullmatch(client.id):
        yield "id", "3 to 64 lower-case letters, digits, dots, hyphens and underscores, starting with a letter."
    if not is_presentable(client.name, 100):
        yield "name", "1 to 100 printable characters."
    elif imitates_raylens(client.name) and not client.is_trusted:
        yield "name", "Only a trusted application may be called Raylens, or what looks like it."
    if client.uri and (len(client.uri) > 500 or not _HOME_PAGE.fullmatch(client.uri)):
        yield "uri", "An http or https URL of at most 500 characters, or empty."
    if not client.scopes or client.scopes - ALL_SCOPES:
        yield "scopes", f"One or more of {', '.join(sorted(ALL_SCOPES))}."
    yield from _grant_errors(client)
    yield from _redirect_uri_errors(client)


def _grant_errors(client: Client) -> Iterator[tuple[str, str]]:
    if not client.grants or client.grants - GRANT_TYPES:
        yield "grants", f"One or more of {', '.join(sorted(GRANT_TYPES))}."
    if client.grants == {REFRESH_TOKEN}:
        yield "grants", f"{REFRESH_TOKEN} requires {AUTHORIZATION_CODE}."
    if CLIENT_CREDENTIALS in client.grants and client.is_public:
        yield "grants", f"{CLIENT_CREDENTIALS} requires a secret, which public applications do not have."


def _redirect_uri_errors(client: Client) -> Iterator[tuple[str, str]]:
    if AUTHORIZATION_CODE in client.grants and not client.redirect_uris:
        yield "redirect_uris", f"{AUTHORIZATION_CODE} requires at least one."
    if len(client.redirect_uris) > _MAX_REDIRECT_URIS:
        yield "redirect_uris", f"At most {_MAX_REDIRECT_URIS}."
    if not all(map(may_be_registered, client.redirect_uris)):
        yield (
            "redirect_uris",
            "Each must be https, http on 127.0.0.1, [::1] or localhost, or a private scheme such as "
            "com.example.app:/callback, without user or fragment.",
        )
