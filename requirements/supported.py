"""Reports in one line why this Python or this machine cannot run Raylens; otherwise prints nothing and exits with 0.

``find_python`` runs it before anything is installed, with any Python it finds, so it has to run on Python 3.6 as well.
It allows what all pinned packages have wheels for; ``make pins`` may change that.
"""

import os
import platform
import sys
import sysconfig
from importlib.util import find_spec

UNSUPPORTED = 3
"""Exit status; others mean that the Python does not work at all."""

VERSIONS = ((3, 11), (3, 12), (3, 13))
GLIBC = {"x86_64": (2, 28), "aarch64": (2, 35)}  # OpenVINO's wheels for aarch64 need the newer one
MACOS = (13, 0)

MODULES = {
    "ssl": "libssl-dev",
    "sqlite3": "libsqlite3-dev",
    "ctypes": "libffi-dev",
    "zlib": "zlib1g-dev",
}
"""Parts of Python that are left out if it was compiled without these Debian packages."""


def obstacle() -> str:
    """Why Raylens cannot run here, an empty string if it can."""
    return _machine() or _python() or _parts_of_python()


def _machine() -> str:
    system, machine = platform.system(), platform.machine()
    if system == "Linux":
        return _linux({"arm64": "aarch64"}.get(machine, machine))
    if system == "Darwin":
        return _macos(machine)
    return f"Raylens runs on Linux and macOS, not on {system}; on Windows use the Windows Subsystem for Linux."


def _linux(machine: str) -> str:
    glibc = glibc_version()
    needed = GLIBC.get(machine)
    if needed is None:
        return f"Raylens runs on {' and '.join(GLIBC)} processors; there are no packages for {machine}."
    if not glibc:
        return "Raylens needs glibc, which Alpine and other musl-based systems lack; use Debian, Ubuntu or Fedora."
    if glibc < needed:
        return f"Raylens needs glibc {_dotted(needed)} or later on {machine}; this system has {_dotted(glibc)}."
    return ""


def _macos(machine: str) -> str:
    version = tuple(int(part) for part in platform.mac_ver()[0].split(".")[:2])
    if machine != "arm64":
        return "Raylens runs on Macs with Apple silicon and a Python for arm64; there are no packages for Intel."
    if version < MACOS:
        return f"Raylens needs macOS {MACOS[0]} or later; this is {_dotted(version)}."
    return ""


def _python() -> str:
    name = sys.implementation.name
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    is_64_bit = sys.maxsize > 2**32
    if sys.version_info[:2] in VERSIONS and name == "cpython" and is_64_bit and not free_threaded:
        return ""
    kinds = [name] * (name != "cpython") + ["32-bit"] * (not is_64_bit) + ["free-threaded"] * free_threaded
    found = " ".join([*kinds, platform.python_version()])
    return f"Raylens needs Python 3.11, 3.12 or 3.13 (64-bit CPython); {sys.executable} is {found}."


def _parts_of_python() -> str:
    missing = [name for name in MODULES if not _is_importable(name)]
    if missing:
        packages = " ".join(MODULES[name] for name in missing)
        return f"{sys.executable} was compiled without {', '.join(missing)}: install {packages} and compile it again."
    if not (find_spec("venv") and find_spec("ensurepip")):
        version = _dotted(sys.version_info[:2])
        return f"{sys.executable} cannot create virtual environments: apt-get install python{version}-venv"
    return ""


def _is_importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def glibc_version() -> "tuple[int, ...]":
    """Major and minor version, empty without glibc."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, OSError, ValueError):
        return ()
    return tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else ()


def _dotted(version: "tuple[int, ...]") -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    reason = obstacle()
    if reason:
        print(reason)
        sys.exit(UNSUPPORTED)
