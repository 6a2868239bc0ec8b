"""Options shared by several commands."""

from typing import Annotated

import typer


def default_server() -> str:
    """The service that `raylens serve` starts with the same settings."""
    from serve_app.settings import settings

    return settings().local_url


ServerOption = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="RAYLENS_SERVER",
        default_factory=default_server,
        show_default="the address of RAYLENS_HOST and RAYLENS_PORT",
        help="Address of a running Raylens server.",
    ),
]
TokenOption = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="RAYLENS_TOKEN",
        help="API key or token; default: the credential that `raylens login` stored for the server. Prefer the "
        "variable, because all users of this machine can see the command line.",
    ),
]
InsecureOption = Annotated[
    bool,
    typer.Option("--insecure", envvar="RAYLENS_INSECURE", help="Send the token over plain http to another machine."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
JsonLinesOption = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
