"""``raylens doctor``."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from kuberay.cli import options
from kuberay.cli.opened import Place, opened, values_of

if TYPE_CHECKING:
    from kuberay.doctor.finding import Finding
    from kuberay.errors import DeployError


def doctor(
    *,
    values: options.ValuesFiles = None,
    single: options.SingleValues = None,
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    helm: options.HelmProgram = None,
    chart: options.Chart = None,
    as_json: options.AsJson = False,
) -> None:
    """Look for what commonly goes wrong, and say what to do. Nothing is changed.

    Of a release that is there; with values, of one that is to be. Secrets are looked at for the names of their keys.
    """
    from kuberay.doctor.examination import code_of, examine
    from kuberay.errors import DeployError

    findings: list[Finding] = []
    failure: DeployError | None = None
    with opened(Place(release, namespace, context, kubeconfig), helm, chart, as_json) as opened_release:
        try:
            for finding in examine(opened_release.helm, opened_release.observer, values_of(values, single)):
                findings.append(finding)  # noqa: PERF402 - what came before a failure is shown as well
        except DeployError as error:
            failure = error
    if as_json:
        told = {"findings": [asdict(one) for one in findings], "error": failure.as_json() if failure else None}
        typer.echo(json.dumps(told))
    else:
        _print(findings, failure)
    raise typer.Exit(failure.code if failure else code_of(findings))


def _print(findings: "list[Finding]", failure: "DeployError | None") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from kuberay.cli.ending import printable

    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    table = Table(show_header=False, box=None, pad_edge=False)
    for one in findings:
        text = printable(f"{one.detail}\n{one.advice}" if one.advice else one.detail)
        table.add_row(Text(one.state, colours[one.state]), Text(one.name), Text(text, overflow="fold"))
    if failure:
        text = printable(f"{failure.message}\n{failure.advice}")
        table.add_row(Text("failed", "red"), Text("Cluster"), Text(text, overflow="fold"))
    Console(highlight=False).print(table)
