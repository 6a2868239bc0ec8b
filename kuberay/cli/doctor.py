"""``raylens doctor``."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from kuberay.cli import options
from kuberay.cli.open_release import chart_values, open_release
from kuberay.cli.output import strip_control_characters
from kuberay.release_target import ReleaseTarget

if TYPE_CHECKING:
    from kuberay.doctor.check import CheckResult
    from kuberay.errors import DeployError


def doctor_command(
    *,
    values: options.ValuesOption = None,
    single: options.SetOption = None,
    release: options.ReleaseOption = "raylens",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
    kubeconfig: options.KubeconfigOption = None,
    helm: options.HelmOption = None,
    chart: options.ChartOption = None,
    as_json: options.JsonResultOption = False,
) -> None:
    """Check a release and its cluster for common problems, with advice. Changes nothing.

    With values: a release before its installation. Of Secrets only the names of the keys are used.
    """
    from kuberay.doctor.diagnosis import doctor_exit_code, run_checks
    from kuberay.errors import DeployError

    results: list[CheckResult] = []
    failure: DeployError | None = None
    with open_release(ReleaseTarget(release, namespace, context, kubeconfig), helm, chart, as_json) as opened:
        try:
            for result in run_checks(opened.helm, opened.reader, chart_values(values, single)):
                results.append(result)  # noqa: PERF402 - results before a failure are shown as well
        except DeployError as error:
            failure = error
    if as_json:
        error_json = failure.as_json() if failure else None
        typer.echo(json.dumps({"findings": [asdict(result) for result in results], "error": error_json}))
    else:
        _print(results, failure)
    raise typer.Exit(failure.code if failure else doctor_exit_code(results))


def _print(results: "list[CheckResult]", failure: "DeployError | None") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [(str(result.state), result.name, result.detail, result.advice) for result in results]
    if failure:
        rows.append(("failed", "Cluster", failure.message, failure.advice))
    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    table = Table(show_header=False, box=None, pad_edge=False)
    for state, name, detail, advice in rows:
        text = strip_control_characters(f"{detail}\n{advice}" if advice else detail)
        table.add_row(Text(state, colours[state]), Text(name), Text(text, overflow="fold"))
    Console(highlight=False).print(table)
