"""How an application says which one it is: HTTP Basic, a secret in the form, or nothing but its name."""

import base64
from urllib.parse import unquote_plus

from auth.oauth.messages import Message, Refused, Reply, refusal

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Raylens"', "Cache-Control": "no-store", "Pragma": "no-cache"}


def credentials_of(message: Message) -> tuple[str, str | None]:
    """Id and secret; no secret for a public one. Raises Refused for none, and for two ways at once."""
    parameters = message.parameters
    if message.authorization is None:
        return parameters.get("client_id", ""), parameters.get("client_secret")
    id_, secret = _basic(message.authorization)
    if "client_secret" in parameters or parameters.get("client_id", id_) != id_:
        raise refusal("invalid_request", "The application has to say in one way alone which one it is.")
    return id_, secret or None


def unknown_client() -> Refused:
    body = {"error": "invalid_client", "error_description": "There is no such application, or the secret is wrong."}
    return Refused(Reply(401, body, CHALLENGE))


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        id_, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise unknown_client() from None
    if scheme.lower() != "basic" or not colon:
        raise unknown_client()
    return unquote_plus(id_), unquote_plus(secret)
