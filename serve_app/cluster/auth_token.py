"""Ray's token, which protects its ports from other users of this machine."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def token_flags(environment: Mapping[str, str]) -> dict[str, str]:
    """A token in the environment if Ray can neither read nor store the one in the home folder; else nothing."""
    if any(environment.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        return {}
    return {} if _has_home() else {"RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _has_home() -> bool:
    try:
        path = Path.home() / ".ray" / "auth_token"
        if path.exists():
            return os.access(path, os.R_OK)
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.access(path.parent, os.W_OK)
    except (OSError, RuntimeError):  # not writable; unknown
        return False
