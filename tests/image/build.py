"""Builds the Dockerfile without Docker: every instruction in order, in clean root file systems.

buildah builds images from Dockerfiles without a server. One difference from ``docker build``: the base image needs a
registry, so Debian's own packages replace it, with the same Debian release and the same minor version of Python, and
with the certificates and package client settings of this machine.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.servers.process import require

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / ".raylens" / "image"
BASE: Final = "docker.io/library/python:3.11-slim-bookworm"
IMAGE: Final = "raylens-check"
CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"

BUILT_ALREADY: Final = "RAYLENS_IMAGE"
"""Environment variable: test the last image instead of building one."""


def buildah(*arguments: str, log: Path | None = None) -> str:
    """Run buildah with its own storage folder and return its output. Raises CalledProcessError."""
    program = require("buildah", "buildah")
    storage = ["--root", str(FOLDER / "storage"), "--runroot", str(FOLDER / "run"), "--storage-driver", "overlay"]
    command = [program, *storage, *arguments]
    if log is None:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    with log.open("w") as file:
        subprocess.run(command, check=True, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT)
    return log.read_text()


def build() -> str:
    """Build the image and return the log of the build."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        _make_base()
    log = FOLDER / "build.log"
    if os.environ.get(BUILT_ALREADY) == "built":
        return log.read_text()
    options = ["--isolation", "chroot", "--pull=never", "--format", "docker", "--tag", IMAGE]
    said = buildah("build", *options, ".", log=log)
    buildah("rm", "--all")  # a stage without instructions does not remove its container
    return said


def _make_base() -> None:
    """Build a substitute for the base image: Debian bookworm with its Python 3.11, at the path of the original."""
    root = FOLDER / "base"
    shutil.rmtree(root, ignore_errors=True)
    packages = "--include=ca-certificates,python3,python3-venv"
    debootstrap = require("debootstrap", "debootstrap")
    subprocess.run(
        [debootstrap, "--variant=minbase", packages, "bookworm", str(root)], check=True, stdout=subprocess.DEVNULL
    )
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    shutil.copy(CERTIFICATES, root / CERTIFICATES.lstrip("/"))
    if Path("/etc/pip.conf").exists():
        shutil.copy("/etc/pip.conf", root / "etc/pip.conf")
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(root), "/")
    for name in ("PIP_CERT", "NODE_EXTRA_CA_CERTS"):
        buildah("config", "--env", f"{name}={CERTIFICATES}", container)
    buildah("commit", "--quiet", "--rm", container, BASE)
    shutil.rmtree(root)
