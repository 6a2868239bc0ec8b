"""The commands that work on Kubernetes, for ``raylens``. What they need is imported when they run."""

from collections.abc import Callable
from typing import Any, Final

import typer

from kuberay.cli.delete import delete
from kuberay.cli.deploy import deploy, render
from kuberay.cli.doctor import doctor
from kuberay.cli.options import PANEL
from kuberay.cli.upkeep import rollback, scale, wait
from kuberay.exit_codes import described

_EXAMPLES: Final[tuple[tuple[Callable[..., Any], str], ...]] = (
    (deploy, "raylens deploy --values values.yaml --image REGISTRY/raylens:0.2.0 --rollback-on-failure"),
    (render, "raylens render --values kuberay/chart/values-dev.yaml"),
    (wait, "raylens wait --namespace vision --timeout 15m"),
    (rollback, "raylens rollback 3"),
    (scale, "raylens scale --min 3 --max 20"),
    (delete, "raylens delete --namespace vision --yes"),
    (doctor, "raylens doctor --values values.yaml"),
)


def register(app: typer.Typer) -> None:
    """Add the commands, under a heading of their own."""
    for command, example in _EXAMPLES:
        epilog = f"Exit status: {described()}.\n\nExample: {example}"
        app.command(rich_help_panel=PANEL, epilog=epilog)(command)
