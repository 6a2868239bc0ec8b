"""The command line. Commands import libraries when they run, so that ``raylens --help`` is fast."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from kuberay.cli.commands import register_commands
from serve_app import VERSION
from serve_app.cli import db, models, signing_keys, users
from serve_app.cli.classify import classify_command
from serve_app.cli.login import login_command
from serve_app.cli.logout import logout_command
from serve_app.cli.serve import serve_command
from serve_app.cli.standard_streams import lossy_stderr, write_stdout
from serve_app.cli.status import status_command
from serve_app.cli.terminal_text import printable_line
from serve_app.cli.whoami import whoami_command
from serve_app.settings import InvalidSettingsFile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

app = typer.Typer(
    name="raylens",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve", epilog="Example: raylens serve --port 8080 --dashboard")(serve_command)
app.command("classify", no_args_is_help=True, epilog="Example: raylens classify photos --top-k 3 --json")(
    classify_command
)
app.command("status", epilog="Example: raylens status --server https://raylens.example.org")(status_command)
app.command("login", epilog="Example: raylens login --server https://raylens.example.org")(login_command)
app.command("whoami", epilog="Example: raylens whoami --json")(whoami_command)
app.command("logout", epilog="Example: raylens logout --server https://raylens.example.org")(logout_command)
app.add_typer(models.app, name="models")
app.add_typer(db.app, name="db")
app.add_typer(users.app, name="users")
app.add_typer(signing_keys.app, name="signing-keys")
register_commands(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"raylens {VERSION}")
        raise typer.Exit


@app.callback()
def raylens(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Image classification as a service: 1,000 ImageNet classes, on Ray Serve."""
    from serve_app.observability.logging import configure_logging
    from serve_app.settings import settings

    configure_logging(settings())  # to standard error: standard output is for results


def main() -> None:
    """Run ``raylens``. Every failure is reported in one line, with exit status 1, or 2 for invalid settings."""
    with lossy_stderr():
        status = _run()
        if (reason := write_stdout()) and not status:
            status = _report(f"raylens: standard output cannot be written: {reason}.", status=1)
    sys.exit(status)


def _run() -> int | str | None:
    try:
        app()
    except SystemExit as ended:
        return ended.code
    except InvalidSettingsFile as error:
        return _report(str(error), status=2)
    except Exception as error:
        if isinstance(error, ValidationError) and error.title == "Settings":
            return _report(*map(_fault, error.errors()), status=2)
        return _unexpected(error)
    return 0


def _fault(fault: "ErrorDetails") -> str:
    name = f"RAYLENS_{fault['loc'][0]}".upper()
    return f"{name}: {fault['msg'].removeprefix('Value error, ')}"


def _report(*lines: str, status: int) -> int:
    for line in lines:
        typer.echo(printable_line(line), err=True)
    return status


def _unexpected(error: Exception) -> int:
    """An error of the system, like a full disk, or a bug. The traceback helps only those who look for it."""
    if os.environ.get("RAYLENS_LOG_LEVEL") == "DEBUG":
        raise error
    if isinstance(error, OSError):
        file = f"{error.filename}: " if error.filename else ""
        return _report(f"raylens: {file}{error.strerror or error}", status=1)
    hint = "RAYLENS_LOG_LEVEL=DEBUG shows where it occurred"
    return _report(f"raylens: unexpected error: {type(error).__name__}: {error} ({hint}).", status=1)


if __name__ == "__main__":
    main()
