"""``raylens logs``."""

import json
from typing import Annotated

import typer

from kuberay.cli import options
from kuberay.cli.duration import seconds
from kuberay.cli.opened import Place
from kuberay.pod_log_source import Source


def logs(
    source: Annotated[Source, typer.Argument(metavar="SOURCE", help="head, worker, autoscaler, migration, operator.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")] = False,
    previous: Annotated[bool, typer.Option("--previous", help="Of the container before its last restart.")] = False,
    since: Annotated[
        float | None, typer.Option(parser=seconds, metavar="DURATION", help="No older than this: 90s, 15m, 2h.")
    ] = None,
    tail: Annotated[int, typer.Option(min=1, help="No more than the last lines of each pod.")] = 200,
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Print what the pods of a release write, each line with the name of its pod."""
    from kuberay.cli.ending import ending, printable
    from kuberay.pod_logs import Wanted, lines

    wanted = Wanted(source, follow, previous, None if since is None else max(1, round(since)), tail)
    with ending(as_json):
        try:
            for line in lines(Place(release, namespace, context, kubeconfig).observer(), wanted):
                told = {"pod": line.pod, "text": line.text}
                typer.echo(json.dumps(told) if as_json else f"{line.pod}  {printable(line.text)}")
        except KeyboardInterrupt:
            if not follow:
                raise
