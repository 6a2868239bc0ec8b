"""Options that the commands on Kubernetes have in common."""

from pathlib import Path
from typing import Annotated

import typer

from kuberay.cli.duration import seconds

PANEL = "On Kubernetes"

ReleaseName = Annotated[str, typer.Option("--release", help="Name of the release.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Its namespace; else that of the context.")]
Context = Annotated[str, typer.Option("--context", help="Context of the kubeconfig; else the current one.")]
Kubeconfig = Annotated[Path | None, typer.Option("--kubeconfig", help="Else KUBECONFIG, or ~/.kube/config.")]
HelmProgram = Annotated[
    str | None, typer.Option("--helm", envvar="RAYLENS_HELM", help="Helm 3.14 or later; else the one on PATH.")
]
Chart = Annotated[Path | None, typer.Option("--chart", help="Another chart than the one that came with this command.")]
ValuesFiles = Annotated[
    list[Path] | None, typer.Option("--values", "-f", help="File of values of the chart; may be given again.")
]
SingleValues = Annotated[
    list[str] | None, typer.Option("--set", help="One value, like workers.maxReplicas=20; may be given again.")
]
Image = Annotated[str, typer.Option("--image", help="REPOSITORY:TAG or REPOSITORY@sha256:…, in place of image.*.")]
Timeout = Annotated[
    float, typer.Option("--timeout", parser=seconds, metavar="DURATION", help="Give up after so long: 900, 90s, 15m.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is done.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, of a failure as well.")]
