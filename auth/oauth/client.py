"""An application as it is registered, and what may be registered."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from auth.oauth.redirect_uris import matches, may_be_registered
from auth.principal import ALL_SCOPES, Scope, Scopes

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105
CLIENT_CREDENTIALS: Final = "client_credentials"
GRANTS: Final = frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS})

PERSONAL: Final[Scopes] = frozenset({Scope.OPENID, Scope.PROFILE, Scope.ADMIN})
"""What nobody may have who acts for nobody."""
ASKED_FOR: Final[Scopes] = frozenset({Scope.OPENID, Scope.ADMIN})
"""What an application gets only if it asks for it by name."""

MOST_REDIRECT_URIS: Final = 20
_ID: Final = re.compile(r"[a-z][a-z0-9._-]{2,63}")
_PAGE: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:[/?#][!#-&(-;=?-~]*)?")


@dataclass(frozen=True, slots=True)
class Client:
    id: str
    name: str
    redirect_uris: tuple[str, ...]
    scopes: Scopes
    """The most it may ask for."""
    grants: frozenset[str]
    uri: str
    """Its own page, for people; may be empty."""
    is_public: bool
    """It has no secret: it runs where its users could read one."""
    is_trusted: bool
    """It is ours: its users are not asked for consent, and it may look at others' access tokens."""
    created_us: int = 0
    is_disabled: bool = False
    secret_digest: bytes | None = field(default=None, repr=False)

    def may_redirect_to(self, uri: str) -> bool:
        return any(matches(registered, uri) for registered in self.redirect_uris)

    @property
    def default_scopes(self) -> Scopes:
        """For a user, where it asks for none."""
        return self.scopes - ASKED_FOR

    @property
    def own_scopes(self) -> Scopes:
        """The most it may do on its own."""
        return self.scopes - PERSONAL


def faults(client: Client) -> dict[str, list[str]]:
    """What is wrong with it, by field."""
    found: dict[str, list[str]] = {}
    for name, message in _faults(client):
        found.setdefault(name, []).append(message)
    return found


def _faults(client: Client) -> Iterator[tuple[str, str]]:
    if not _ID.fullmatch(client.id):
        yield "id", "3 to 64 lower-case letters, digits, dots, dashes and underscores, a letter first."
    if not client.name.strip() or len(client.name) > 100 or not client.name.isprintable():
        yield "name", "1 to 100 printable characters."
    if client.uri and (len(client.uri) > 500 or not _PAGE.fullmatch(client.uri)):
        yield "uri", "An http or https address of at most 500 characters, or nothing."
    if not client.scopes or client.scopes - ALL_SCOPES:
        yield "scopes", f"One or more of {', '.join(sorted(ALL_SCOPES))}."
    yield from _faults_of_grants(client)
    yield from _faults_of_redirects(client)


def _faults_of_grants(client: Client) -> Iterator[tuple[str, str]]:
    if not client.grants or client.grants - GRANTS:
        yield "grants", f"One or more of {', '.join(sorted(GRANTS))}."
    if client.grants == {REFRESH_TOKEN}:
        yield "grants", f"{REFRESH_TOKEN} is of use only with {AUTHORIZATION_CODE}."
    if CLIENT_CREDENTIALS in client.grants and client.is_public:
        yield "grants", f"{CLIENT_CREDENTIALS} needs a secret, and a public application has none."


def _faults_of_redirects(client: Client) -> Iterator[tuple[str, str]]:
    if AUTHORIZATION_CODE in client.grants and not client.redirect_uris:
        yield "redirect_uris", f"{AUTHORIZATION_CODE} needs one at least."
    if len(client.redirect_uris) > MOST_REDIRECT_URIS:
        yield "redirect_uris", f"{MOST_REDIRECT_URIS} at most."
    if not all(map(may_be_registered, client.redirect_uris)):
        yield (
            "redirect_uris",
            "Each https, or http on 127.0.0.1, [::1] or localhost, or of a scheme like com.example.app:/callback; "
            "no user, no fragment.",
        )
