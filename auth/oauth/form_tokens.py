"""What a consent form carries to show that we made it: for this session and this request, and for no other."""

import base64
import hmac
import json
from collections.abc import Mapping

from auth.settings import AuthSettings


class FormTokens:
    def __init__(self, settings: AuthSettings) -> None:
        self._keys = settings.keys("consent")

    def make(self, session_id: int, parameters: Mapping[str, str]) -> str:
        return _sign(self._keys[0], session_id, parameters)

    def is_good(self, token: str, session_id: int, parameters: Mapping[str, str]) -> bool:
        given = token.encode()
        return any(hmac.compare_digest(given, _sign(key, session_id, parameters).encode()) for key in self._keys)


def _sign(key: bytes, session_id: int, parameters: Mapping[str, str]) -> str:
    signed = json.dumps([session_id, sorted(parameters.items())]).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=").decode()
