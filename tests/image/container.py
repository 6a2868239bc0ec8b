"""Runs the image as a cluster does: read-only root, no capabilities, an unprivileged user, separate namespaces.

The network has only the loopback interface, so any download at the start fails.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.image.build import FOLDER, IMAGE, buildah

WRITABLE: Final = {"/tmp": "mode=1777,size=2g", "/dev/shm": "mode=1777,size=768m"}
OPEN_FILES: Final = 16384
START_S: Final = 180.0

INIT: Final = """
set -e
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for device in null zero random urandom full; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
for mount in "$@"; do
  mkdir -p "$root${mount%%:*}"
  mount -t tmpfs -o "${mount#*:}" tmpfs "$root${mount%%:*}"
done
hostname raylens
echo "127.0.0.1 localhost raylens" > "$root/tmp/hosts"
touch "$root/etc/hosts"
mount --bind "$root/tmp/hosts" "$root/etc/hosts"
mount -o remount,bind,ro "$root"
ip link set lo up
echo ready
exec sleep infinity
"""


class Container:
    """A running container, as a context manager. ``writable``: more writable folders and their tmpfs options."""

    def __init__(self, name: str, writable: Mapping[str, str] | None = None) -> None:
        self.folder = FOLDER / name
        self._writable = WRITABLE | dict(writable or {})
        self._name = ""
        self._root = ""
        self._init: subprocess.Popen[str] | None = None
        self._started: list[subprocess.Popen[str]] = []
        self.config: dict[str, Any] = {}

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        inspected = json.loads(buildah("inspect", "--type", "image", IMAGE))
        self.config = inspected["Docker"]["config"]
        self._name = buildah("from", "--pull=never", IMAGE)
        self._root = buildah("mount", self._name)
        namespaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        mounts = [f"{path}:{options}" for path, options in self._writable.items()]
        command = ["unshare", *namespaces, "bash", "-c", INIT, "init", self._root, *mounts]
        self._init = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._init.stdout
        assert self._init.stdout.readline() == "ready\n", "the namespaces could not be made"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._init
        self._init.kill()  # this also kills all other processes of the namespace
        for process in (self._init, *self._started):
            process.wait()
        assert self._init.stdout
        self._init.stdout.close()
        buildah("umount", self._name)
        buildah("rm", self._name)

    def command(self, arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        """The command line that runs ``arguments`` in the container, with the image's user and environment."""
        assert self._init
        children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()
        user, _, group = self.config["User"].partition(":")
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in environment.items())]
        drop = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={group}",
            "--clear-groups",
            "--bounding-set=-all",
            "--no-new-privs",
        ]
        limit = ["prlimit", f"--nofile={OPEN_FILES}:{OPEN_FILES}"]
        enter = ["nsenter", f"--target={children[0]}", "--mount", "--pid", "--net", "--ipc", "--uts"]
        inside = ["env", "-i", f"--chdir={self.config['WorkingDir']}", *variables, *drop, *arguments]
        return [*limit, *enter, "chroot", self._root, *inside]

    def run(self, *arguments: str, **environment: str) -> str:
        """Run a command in the container and return its output. Raises CalledProcessError."""
        command = self.command(arguments, environment)
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in the container, until ``terminate``. Its output is in ``log``."""
        noted = ("bash", "-c", 'echo $$ > /tmp/started && exec "$@"', "start", *arguments)
        with self.log.open("a") as log:
            command = self.command(noted, environment)
            self._started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True))
        return self._started[-1]

    def terminate(self, process: subprocess.Popen[str], timeout_s: float) -> int:
        """Send SIGTERM to the started command, as stopping a container does, and return its exit status."""
        self.run("bash", "-c", "kill -TERM $(cat /tmp/started)")
        return process.wait(timeout_s)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def wait_until(self, *arguments: str, **environment: str) -> None:
        """Wait until a command in the container succeeds."""
        deadline = time.monotonic() + START_S
        while subprocess.run(self.command(arguments, environment), capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, f"{arguments} never succeeded:\n{self.log.read_text()[-4000:]}"
            time.sleep(0.5)
