"""Paths and console shared by the commands of all benchmarks."""

from pathlib import Path
from typing import Any, Final

from rich.console import Console

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
RESULTS: Final = ROOT / "benchmarks" / "results"
HELP_OPTIONS: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"]}

console = Console(stderr=True, highlight=False)
"""For progress and errors; results go to standard output."""
