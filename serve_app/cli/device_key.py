"""The key by which a server recognizes this device, so that it asks for consent only once (docs/auth.md)."""

import json
import socket
import tempfile
from pathlib import Path
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from serve_app.cli.address import Address
from serve_app.cli.credential_store import LocalCredentialStore
from serve_app.cli.errors import CommandError

_MAX_NAME_LENGTH: Final = 64


class DeviceKey:
    """A private key for one server, which never leaves this machine."""

    def __init__(self, key: ECKey) -> None:
        self._key = key

    @classmethod
    def of(cls, address: Address, store: LocalCredentialStore) -> "DeviceKey":
        """The stored key, created if there is no readable one. Raises CommandError if it cannot be stored."""
        path = store.device_key_path(address)
        with store.locked(address):
            try:
                return cls(ECKey.import_key(path.read_bytes()))
            except (OSError, ValueError, JoseError):
                key = ECKey.generate_key("P-256", private=True)
                _write(path, key.as_pem(private=True))
                return cls(key)

    def sign(self, **claims: str) -> str:
        """A device assertion for an authorization request with these parameters."""
        public = self._key.as_dict(private=False)
        jwk = {name: public[name] for name in ("kty", "crv", "x", "y")}
        header = {"alg": "ES256", "typ": "device-assertion+jwt", "jwk": jwk}
        return jws.serialize_compact(header, _json(claims | {"device_name": device_name()}), self._key, ["ES256"])


def device_name() -> str:
    """What this machine calls itself; ``unnamed`` if that has unusual characters."""
    name = socket.gethostname()[:_MAX_NAME_LENGTH]
    return name if name.strip() and name.isascii() and name.isprintable() else "unnamed"


def _json(claims: dict[str, str]) -> bytes:
    return json.dumps(claims, separators=(",", ":")).encode()


def _write(path: Path, content: bytes) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:  # readable by its owner only
            draft.write(content)
        Path(draft.name).replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
