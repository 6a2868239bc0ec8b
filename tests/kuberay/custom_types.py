"""Checks kinds of other projects with TypeScript, where unknown keys are type errors."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.kuberay.programs import CACHE, ROOT, alone
from tests.servers.process import missing

PACKAGE: Final = Path(__file__).with_name("types")
NPM: Final = ROOT / "frontend" / "npm"

MODULES: Final = {
    "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
    "karpenter.k8s.aws": "@kubernetes-models/karpenter",
    "karpenter.sh": "@kubernetes-models/karpenter",
    "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
}
"""API group → package with its types."""


def knows(manifest: dict[str, Any]) -> bool:
    return manifest["apiVersion"].partition("/")[0] in MODULES


def errors(manifests: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Lines of the compiler's output; ``folder`` is for its input."""
    library = _installed()
    lines = []
    for number, manifest in enumerate(manifests):
        kind, group = manifest["kind"], manifest["apiVersion"].partition("/")[0]
        lines.append(
            f'import type {{ I{kind} as T{number} }} from "{MODULES[group]}/{manifest["apiVersion"]}/{kind}";\n'
            f"export const object{number}: T{number} = {json.dumps(manifest)};"
        )
    source = folder / "objects.ts"
    source.write_text("\n".join(lines))
    (folder / "node_modules").symlink_to(library / "node_modules")
    options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]
    command = [str(NPM), "exec", "--silent", "--prefix", str(library), "--", "tsc", *options, str(source)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0 or "objects.ts" in outcome.stdout, outcome.stdout + outcome.stderr
    return outcome.stdout.splitlines()


def _installed() -> Path:
    content = b"".join((PACKAGE / name).read_bytes() for name in ("package.json", "package-lock.json"))
    folder = CACHE / hashlib.sha256(content).hexdigest()[:16]
    with alone(folder):
        if not (folder / "node_modules" / ".package-lock.json").exists():
            shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
            command = [str(NPM), "ci", "--silent", "--prefix", str(folder)]
            outcome = subprocess.run(command, capture_output=True, text=True, check=False)
            if outcome.returncode != 0:
                missing(f"types for the tests could not be fetched: {outcome.stderr[-300:]}")
    return folder
