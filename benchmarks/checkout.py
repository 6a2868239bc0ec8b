"""A folder with the source code of Raylens, whose service can be started."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.command import ROOT


@dataclass(frozen=True, slots=True)
class Checkout:
    root: Path
    """Absolute path."""

    @property
    def python(self) -> Path:
        """The interpreter of its virtual environment, else the current one."""
        own = self.root / ".venv" / "bin" / "python"
        return own if own.exists() else Path(sys.executable)

    @property
    def artifacts(self) -> Path:
        """The folder for its models, which its own code builds; in this checkout, because others may be read-only."""
        return ROOT / ".raylens" / "checkouts" / hashlib.sha256(str(self.root).encode()).hexdigest()[:12]

    def environment(self) -> dict[str, str]:
        """Variables that make another interpreter import its packages."""
        return {} if self.root == ROOT else {"PYTHONPATH": str(self.root)}

    def revision(self) -> str:
        """The commit, with ``+`` if files were changed since; empty without Git."""
        command = ["git", "-C", str(self.root), "describe", "--always", "--dirty=+", "--exclude=*"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""


HERE: Final = Checkout(ROOT)
