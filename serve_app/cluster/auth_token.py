"""Ray's token, without which nobody can use its ports: who has it can run code as the user of the service."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NAME: Final = "ray_token"


def token_path(folder: Path) -> Path:
    """The token of the cluster whose temporary folder this is."""
    return folder / _NAME


def token_flags(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """A new token in ``folder``, which only its owner can enter; nothing if the environment names one.

    By default Ray creates one in ~/.ray, which is readable for every user of most machines.
    """
    if any(environment.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        return {}
    path = token_path(folder)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    return {"RAY_AUTH_TOKEN_PATH": str(path)}
