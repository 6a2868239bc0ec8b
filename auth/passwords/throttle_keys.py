"""Where an attempt comes from, and the digests under which it is counted."""

import hashlib
from dataclasses import dataclass

from auth.client_address import group_of


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an attempt comes from, as far as clients can be told apart."""

    address: str
    browser_id: int | None = None
    """A browser in which the account has signed in before."""
    credential_id: int | None = None
    """The session or token of the account in which its password is asked for again."""

    def keys(self, account: str, tag: str) -> tuple["ThrottleKey", ...]:
        """The keys under which an attempt may be admitted, best first. ``tag`` stands for the password."""
        if self.credential_id is not None:
            return (ThrottleKey.trusted(account, f"credential:{self.credential_id}"),)
        of_address = ThrottleKey.of(account, group_of(self.address), tag)
        if self.browser_id is None:
            return (of_address,)
        return ThrottleKey.trusted(account, f"browser:{self.browser_id}"), of_address


@dataclass(frozen=True, slots=True)
class ThrottleKey:
    """Digests under which an attempt is counted. The attempts of a trusted client count for themselves (``pair``)."""

    client: str
    """The browser, the credential or the group of the address."""
    account: bytes
    pair: bytes
    address: bytes = b""
    known: bytes = b""
    """Marks an address from which the account has signed in."""
    checks: bytes = b""
    """Reservations of the account that were redeemed."""
    reservation: bytes = b""
    """Of this password, account and address."""
    reservations: bytes = b""
    """All reservations of the address."""
    redemptions: bytes = b""
    """Those that were redeemed."""

    @classmethod
    def trusted(cls, account: str, client: str) -> "ThrottleKey":
        return cls(client=client, account=_digest("account", account), pair=_digest("pair", account, client))

    @classmethod
    def of(cls, account: str, network: str, tag: str) -> "ThrottleKey":
        return cls(
            client=network,
            account=_digest("account", account),
            pair=_digest("pair", account, network),
            address=_digest("address", network),
            known=_digest("known", account, network),
            checks=_digest("checks", account),
            reservation=_digest("reservation", account, network, tag),
            reservations=_digest("reservations", network),
            redemptions=_digest("redemptions", network),
        )

    @property
    def is_trusted(self) -> bool:
        return not self.address

    @property
    def all(self) -> tuple[bytes, ...]:
        if self.is_trusted:
            return (self.pair,)
        of_address = self.address, self.reservations, self.redemptions
        return self.pair, self.account, self.known, self.checks, self.reservation, *of_address


def registration_key(address: str) -> bytes:
    """Digest under which the accounts created from an address are counted."""
    return _digest("registration", group_of(address))


def validation_key(address: str) -> bytes:
    """Digest under which the registrations from an address are counted, whether valid or not."""
    return _digest("validation", group_of(address))


def _digest(*parts: str) -> bytes:
    """Unambiguous: parts are separated by NUL, which is removed from the parts themselves."""
    text = "\0".join(part.replace("\0", "") for part in parts)
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
