"""The deploy commands of ``raylens``. They import what they need when they run."""

from collections.abc import Callable
from typing import Any, Final

import typer

from kuberay.cli.delete import delete_release_command
from kuberay.cli.deploy import deploy_command, render_command
from kuberay.cli.doctor import doctor_command
from kuberay.cli.maintenance import rollback_command, scale_command, wait_command
from kuberay.cli.options import PANEL
from kuberay.exit_codes import exit_code_help

COMMANDS: Final[tuple[tuple[str, Callable[..., Any], str], ...]] = (
    ("deploy", deploy_command, "--values values.yaml --image REGISTRY/raylens:0.2.0 --rollback-on-failure"),
    ("render", render_command, "--values kuberay/chart/values-dev.yaml"),
    ("wait", wait_command, "--namespace vision --timeout 15m"),
    ("rollback", rollback_command, "3"),
    ("scale", scale_command, "--min 3 --max 20"),
    ("delete", delete_release_command, "--namespace vision --yes"),
    ("doctor", doctor_command, "--values values.yaml"),
)
"""Name, function, arguments of the example."""


def register_commands(app: typer.Typer) -> None:
    for name, command, arguments in COMMANDS:
        epilog = f"Exit status: {exit_code_help()}.\n\nExample: raylens {name} {arguments}"
        app.command(name, rich_help_panel=PANEL, epilog=epilog)(command)
