"""TypeScript's compiler with Grafana's own types, pinned in ``node/package-lock.json``."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.process import missing

FOLDER = Path(__file__).parent / "node"


def type_errors(dashboards: Path) -> str:
    """The compiler's errors for the JSON files of a folder; empty if they conform to Grafana's types."""
    _install()
    checked = dashboards / "checked"
    checked.mkdir()
    for path in dashboards.glob("*.json"):
        head = 'import type { RaylensDashboard } from "../dashboard";\nexport const dashboard: RaylensDashboard = '
        (checked / f"{path.stem}.ts").write_text(head + path.read_text())
    for name in ("dashboard.ts", "tsconfig.json"):
        shutil.copy(FOLDER / name, dashboards)
    (dashboards / "node_modules").symlink_to(FOLDER / "node_modules")
    compiler = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [_program("node"), str(compiler), "--project", str(dashboards)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def _install() -> None:
    """Runs ``npm ci`` once per package-lock.json."""
    lock, done = (FOLDER / "package-lock.json").read_text(), FOLDER / "node_modules" / ".installed.json"
    if done.exists() and json.loads(done.read_text()) == lock:
        return
    outcome = subprocess.run(
        [_program("npm"), "ci"], cwd=FOLDER, env=os.environ, capture_output=True, text=True, check=False
    )
    if outcome.returncode != 0:
        missing(f"npm ci failed: {outcome.stderr[-500:]}")
    done.write_text(json.dumps(lock))


def _program(name: str) -> str:
    return shutil.which(name) or missing(f"{name} is missing: install Node.js")
