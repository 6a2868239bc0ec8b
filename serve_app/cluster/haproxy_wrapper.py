"""What Ray starts as HAProxy: edits the configuration that Ray has written, and becomes HAProxy.

Ray starts it again whenever the replicas change, each time with a new configuration.
"""

import os
import sys
import tempfile
from pathlib import Path

from serve_app.cluster.file_limit import TooFewFiles, connections, raise_file_limit
from serve_app.cluster.haproxy import packaged_haproxy
from serve_app.cluster.haproxy_config import HAProxyOptions, UnknownConfiguration, edited


def become_haproxy() -> None:
    """Run HAProxy with the arguments of this process. Does not return."""
    try:
        path = Path(sys.argv[sys.argv.index("-f") + 1])
        options = HAProxyOptions.from_environment(os.environ)
        _replace(path, edited(path.read_text(), options, connections(raise_file_limit())))
    except (OSError, TooFewFiles, UnknownConfiguration, ValueError) as error:
        # In HAProxy's form, as which `raylens serve` reports it.
        sys.exit(f"[ALERT]    ({os.getpid()}) : {error}; is this version of Ray supported?")
    os.environ.pop("RAY_SERVE_HAPROXY_BINARY_PATH", None)  # this script, which the package would find again
    program = os.environ.get("RAYLENS_HAPROXY_BINARY") or packaged_haproxy()
    os.execv(program, [program, *sys.argv[1:]])  # noqa: S606 - as configured


def _replace(path: Path, text: str) -> None:
    """Atomically, because another HAProxy may be reading the file. Only its owner can read it."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(draft).replace(path)


if __name__ == "__main__":
    become_haproxy()
