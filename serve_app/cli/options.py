"""Options that several commands have."""

from typing import Annotated

import typer

DEFAULT_SERVER = "http://127.0.0.1:8000"

ServerUrl = Annotated[str, typer.Option("--server", envvar="RAYLENS_SERVER", help="Address of a running Raylens.")]
Token = Annotated[
    str,
    typer.Option(
        envvar="RAYLENS_TOKEN",
        help="API key or token; otherwise what `raylens login` stored for the server. Better in the variable: the "
        "command line is seen by all users of this machine.",
    ),
]
Insecure = Annotated[
    bool,
    typer.Option("--insecure", envvar="RAYLENS_INSECURE", help="Send the token over plain http to another machine."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
