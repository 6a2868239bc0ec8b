"""CSRF tokens of the consent form, each for one session and one authorization request."""

import base64
import hmac
import json
from collections.abc import Mapping

from auth.settings import AuthSettings


class CsrfTokens:
    def __init__(self, settings: AuthSettings) -> None:
        self._keys = settings.keys("consent")

    def create(self, session_id: int, parameters: Mapping[str, str]) -> str:
        return _sign(self._keys[0], session_id, parameters)

    def is_valid(self, token: str, session_id: int, parameters: Mapping[str, str]) -> bool:
        expected = (_sign(key, session_id, parameters) for key in self._keys)
        return any(hmac.compare_digest(token.encode(), candidate.encode()) for candidate in expected)


def _sign(key: bytes, session_id: int, parameters: Mapping[str, str]) -> str:
    signed = json.dumps([session_id, sorted(parameters.items())]).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=").decode()
