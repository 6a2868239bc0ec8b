"""Client authentication (RFC 6749, section 2.3): HTTP Basic, ``client_secret`` in the form, or none."""

import base64
from typing import Final
from urllib.parse import unquote_plus

from auth.oauth.requests import NO_STORE, OAuthError, OAuthRequest, OAuthResponse, invalid_request

_HEADERS: Final = {"WWW-Authenticate": 'Basic realm="Raylens"'} | NO_STORE


def client_credentials_of(request: OAuthRequest) -> tuple[str, str | None]:
    """Id and secret; None for a public client. Raises OAuthError if malformed, or if two methods are used."""
    parameters = request.parameters
    if request.authorization is None:
        return parameters.get("client_id", ""), parameters.get("client_secret")
    id_, secret = _basic(request.authorization)
    if "client_secret" in parameters or parameters.get("client_id", id_) != id_:
        raise invalid_request("Authenticate the client with only one method.")
    return id_, secret or None


def invalid_client() -> OAuthError:
    body = {"error": "invalid_client", "error_description": "Unknown client or wrong client secret."}
    return OAuthError(OAuthResponse(401, body, _HEADERS))


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        id_, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise invalid_client() from None
    if scheme.lower() != "basic" or not colon:
        raise invalid_client()
    return unquote_plus(id_), unquote_plus(secret)
