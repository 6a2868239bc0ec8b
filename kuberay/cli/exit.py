"""How a command ends after a failure: a few lines without a traceback, and an exit code."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from kuberay.cli.output import strip_control_characters
from kuberay.exit_codes import ExitCode


@contextmanager
def exit_on_deploy_error(as_json: bool) -> Iterator[None]:
    from kuberay.errors import DeployError

    try:
        yield
    except DeployError as error:
        if as_json:
            typer.echo(json.dumps({"error": error.as_json()}))
        else:
            for text in filter(None, (error.message, error.advice)):
                typer.echo(strip_control_characters(text), err=True)
        raise typer.Exit(error.code) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted. The cluster continues; `raylens wait` waits for it.", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
