"""The parameter ``device_assertion``: an authorization request signed with a key that the client keeps on a device.

A native client has no secret, so any program that listens on a port of the machine can pretend to be it. The assertion
proves that the request comes from the program that holds the device's key. It is a JWT with the public key in its
header, like a DPoP proof (RFC 9449), and covers the redirect URI and the PKCE challenge. So it needs no expiry, and the
clock of the device does not matter: whoever reads it, such as in the list of processes, can only repeat the request,
whose code is useless without the verifier.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry, extract_compact, validate_compact

from auth.oauth.display_text import MAX_DEVICE_NAME_LENGTH, is_presentable

_ALGORITHM: Final = "ES256"
_TYPE: Final = "device-assertion+jwt"
_MAX_LENGTH: Final = 2000
_PUBLIC_KEY: Final = frozenset({"kty", "crv", "x", "y"})


@dataclass(frozen=True, slots=True)
class DeviceAssertion:
    """Valid for the request that contained it."""

    thumbprint: bytes
    """Of the device's key (RFC 7638), 32 bytes."""
    name: str
    """What the device calls itself."""


def verified_assertion(
    token: str, *, issuer: str, client_id: str, redirect_uri: str, code_challenge: str
) -> DeviceAssertion | None:
    """None unless the token is signed with the key that it contains, for exactly this request."""
    try:
        key, claims = _verified(token)
    except Exception:  # a malformed token or key can make the library raise anything
        return None
    expected = {"aud": issuer, "client_id": client_id, "redirect_uri": redirect_uri, "code_challenge": code_challenge}
    name = claims.get("device_name")
    is_for_request = all(claims.get(claim) == value for claim, value in expected.items())
    if not is_for_request or not isinstance(name, str) or not is_presentable(name, MAX_DEVICE_NAME_LENGTH):
        return None
    thumbprint = key.thumbprint()
    return DeviceAssertion(base64.urlsafe_b64decode(thumbprint + "=" * (-len(thumbprint) % 4)), name)


def _verified(token: str) -> tuple[ECKey, dict[str, Any]]:
    """Key and claims. Raises any exception for an invalid token."""
    if len(token) > _MAX_LENGTH:
        raise ValueError("too long")
    registry = JWSRegistry(algorithms=[_ALGORITHM], strict_check_header=False)
    signed = extract_compact(token.encode("ascii"), registry=registry)
    header = signed.headers()
    if header["typ"] != _TYPE or set(header["jwk"]) != _PUBLIC_KEY:
        raise ValueError("not a device assertion")
    key = ECKey.import_key(header["jwk"])
    claims = json.loads(signed.payload)
    if not isinstance(claims, dict) or not validate_compact(signed, key, registry=registry):
        raise ValueError("not signed with this key")
    return key, claims
