"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from kuberay.cli.duration import parse_duration

PANEL = "On Kubernetes"

ReleaseOption = Annotated[str, typer.Option("--release", help="Name of the release.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Namespace; default: that of the context.")]
ContextOption = Annotated[str, typer.Option("--context", help="Context of the kubeconfig; default: the current one.")]
KubeconfigOption = Annotated[Path | None, typer.Option("--kubeconfig", help="Default: KUBECONFIG, or ~/.kube/config.")]
HelmOption = Annotated[
    str | None, typer.Option("--helm", envvar="RAYLENS_HELM", help="Helm 3.14 or later; default: `helm` on PATH.")
]
ChartOption = Annotated[Path | None, typer.Option("--chart", help="Chart; default: the one of this installation.")]
ValuesOption = Annotated[
    list[Path] | None, typer.Option("--values", "-f", help="File with values of the chart; repeatable.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A value, for example workers.maxReplicas=20; repeatable.")
]
ImageOption = Annotated[str, typer.Option("--image", help="REPOSITORY:TAG or REPOSITORY@sha256:…; sets image.*.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", parser=parse_duration, metavar="DURATION", help="For example 900, 90s, 15m.")
]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the result.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
JsonResultOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, also for a failure.")]
