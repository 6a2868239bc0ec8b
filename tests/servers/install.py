"""Installs the servers that the tests need, as root on Debian; otherwise prints what is missing.

Run as ``python -m tests.servers.install [PACKAGE …]``. Exits with 0 even if packages are missing: tests that need them
are skipped, or fail if CI is set.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

PACKAGES = {
    "mariadbd": "mariadb-server",
    "redis-server": "redis-server",
    "h2load": "nghttp2-client",
    "wrk": "wrk",
    "chromium": "chromium",
    "shellcheck": "shellcheck",
    "prometheus": "prometheus",
    "mogrify": "imagemagick",
    "tiffcp": "libtiff-tools",
}
"""The Debian package of each program."""

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def missing(further: Sequence[str] = ()) -> list[str]:
    """Debian packages whose program is not installed. ``further`` packages are named like their program."""
    wanted = PACKAGES | {name: name for name in further}
    return [package for program, package in wanted.items() if not shutil.which(program, path=_PATH)]


def install(packages: list[str]) -> None:
    """Install packages with apt, without starting their services. Raises CalledProcessError."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run([*apt, "update"], check=True, env=environment, stdout=subprocess.DEVNULL)
    subprocess.run(
        [*apt, "install", "--yes", "--no-install-recommends", *packages],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def main(further: Sequence[str]) -> int:
    wanted = missing(further)
    if not wanted:
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing for the tests: {', '.join(wanted)} …", flush=True)
        try:
            install(wanted)
        except subprocess.CalledProcessError as error:
            print(f"apt-get failed with code {error.returncode}.", file=sys.stderr)
    for package in missing(further):
        print(f"Missing: {package}. Tests that need it are skipped (with CI=true they fail).", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
