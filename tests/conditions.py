"""Runs the fast tests under unusual conditions: ``python -m tests.conditions [NAME …] [PYTEST ARGUMENT …]``.

Each condition runs them in a copy of the clone. Exits with 1 if tests fail under any of them. See CONTRIBUTING.md.
"""

import os
import pwd
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from tests.source_files import ROOT

FAST = "not e2e and not chaos and not image"
HOSTILE_SETTINGS = {
    "RAYLENS_DATABASE_URL": "mysql://nobody@127.0.0.1:1/nothing",
    "RAYLENS_REDIS_URL": "redis://127.0.0.1:1/0",
    "RAYLENS_MODELS": "no-such-model",
    "RAYLENS_ANONYMOUS": "false",
    "RAYLENS_PORT": "1",
    "RAYLENS_LOG_FORMAT": "json",
    "RAY_ADDRESS": "127.0.0.1:1",
}
PROXIES = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all")}


@dataclass(frozen=True)
class Condition:
    """Where and how the tests run."""

    folder: str
    """Holds the copy of the clone and the temporary files."""
    environment: dict[str, str]
    dotenv: bool = False
    """Put settings into ``.env`` of the copy."""
    shuffled: bool = False
    """Run the files in random order."""
    umask: int = 0o022
    descriptors: int = 0
    """Limit of open files; 0 leaves it."""
    busy_loops: int = 0
    user: str = ""
    """Run as this user, whose home cannot be written to. Needs root."""


CONDITIONS = {
    "narrow": Condition(
        "Prüfung mit Leerzeichen/" + "long-" * 24,
        {
            **HOSTILE_SETTINGS,
            **PROXIES,
            "COLUMNS": "40",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "LC_ALL": "tr_TR.UTF-8",
            "TZ": "Pacific/Kiritimati",
            "PYTHONHASHSEED": "1",
        },
        dotenv=True,
        umask=0o077,
        descriptors=1024,
    ),
    "wide": Condition(
        "w",
        {
            "COLUMNS": "200",
            "FORCE_COLOR": "1",
            "TERM": "xterm-256color",
            "LC_ALL": "C",
            "TZ": "America/St_Johns",
            "PYTHONHASHSEED": "2",
        },
        shuffled=True,
    ),
    "user": Condition("user", {"HOME": "/nonexistent", "USER": "nobody", "LC_ALL": "de_DE.UTF-8"}, user="nobody"),
    "load": Condition("load", {}, shuffled=True, busy_loops=2 * (os.cpu_count() or 1)),
}


def run(condition: Condition, arguments: list[str]) -> str:
    """``passed``, ``failed``, or why the tests cannot run."""
    if condition.user and (obstacle := _obstacle(condition.user)):
        return f"skipped: {obstacle}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="c-", dir="/tmp"))) / condition.folder
        copy, temporary = folder / "raylens", folder / "tmp"
        _copy_clone(copy)
        temporary.mkdir()
        if condition.dotenv:
            (copy / ".env").write_text("".join(f"{name}={text}\n" for name, text in HOSTILE_SETTINGS.items()))
        if condition.user:
            _give_to(condition.user, folder)
        for _ in range(condition.busy_loops):
            stack.callback(subprocess.Popen([sys.executable, "-c", "while True: pass"]).kill)
        environment = {**os.environ, "RAYLENS_CRDS": str(ROOT.parent / "shared" / "crds"), **condition.environment}
        command = [sys.executable, "-m", "pytest", "-q", "-m", FAST, f"--basetemp={temporary / 'pytest'}"]
        outcome = subprocess.run(
            [*command, *(arguments or _files(copy, shuffled=condition.shuffled))],
            cwd=copy,
            env={**environment, "TMPDIR": str(temporary), "PYTHONPATH": str(copy)},
            preexec_fn=_limits(condition),
            user=condition.user or None,
            group=pwd.getpwnam(condition.user).pw_gid if condition.user else None,
            extra_groups=[] if condition.user else None,
            check=False,
        )
        return "failed" if outcome.returncode else "passed"


def _obstacle(user: str) -> str:
    """Why tests cannot run as ``user``; empty if they can."""
    try:
        subprocess.run([sys.executable, "-c", ""], user=user, check=True)
    except PermissionError:
        return f"{user} cannot run {sys.executable}" if os.geteuid() == 0 else "needs root"
    return ""


def _copy_clone(copy: Path) -> None:
    """All files that git would commit, and what the web app was built to."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if not (ROOT / name).is_file():
            continue
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    for built in ("frontend/dist", "frontend/node_modules"):
        if (ROOT / built).exists() and not (copy / built).exists():
            (copy / built).symlink_to(ROOT / built)


def _files(copy: Path, *, shuffled: bool) -> list[str]:
    if not shuffled:
        return []
    files = sorted(str(path.relative_to(copy)) for path in (copy / "tests").rglob("test_*.py"))
    seed = random.randrange(1000)
    print(f"order of files: seed {seed}", flush=True)
    random.Random(seed).shuffle(files)
    return files


def _give_to(user: str, folder: Path) -> None:
    """Let ``user`` own the folder and enter its parents."""
    owner = pwd.getpwnam(user)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    folder.parent.chmod(0o755)


def _limits(condition: Condition) -> Callable[[], None]:
    def apply() -> None:
        os.umask(condition.umask)
        if condition.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (condition.descriptors, condition.descriptors))

    return apply


def main(arguments: list[str]) -> int:
    names = list(takewhile(CONDITIONS.__contains__, arguments))
    outcomes = {}
    for name in names or CONDITIONS:
        print(f"== {name}", flush=True)
        outcomes[name] = run(CONDITIONS[name], arguments[len(names) :])
    for name, outcome in outcomes.items():
        print(f"{name:<8} {outcome}")
    return 1 if "failed" in outcomes.values() else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
