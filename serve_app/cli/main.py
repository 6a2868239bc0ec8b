"""The command line. Commands import libraries when they run, so that ``raylens --help`` is fast."""

import sys
from typing import Annotated

import typer
from pydantic import ValidationError

from kuberay.cli.commands import register_commands
from serve_app import VERSION
from serve_app.cli import db, models, signing_keys, users
from serve_app.cli.classify import classify_command
from serve_app.cli.login import login_command
from serve_app.cli.logout import logout_command
from serve_app.cli.serve import serve_command
from serve_app.cli.status import status_command
from serve_app.cli.whoami import whoami_command

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
    """Run ``raylens``. Invalid settings are reported in one line each, with exit status 2."""
    try:
        app()
    except ValidationError as error:
        if error.title != "Settings":
            raise
        for fault in error.errors():
            name = f"RAYLENS_{fault['loc'][0]}".upper()
            typer.echo(f"{name}: {fault['msg'].removeprefix('Value error, ')}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
