"""``raylens deploy`` and ``raylens render``."""

from typing import Annotated

import typer

from kuberay.cli import options
from kuberay.cli.exit import exit_on_deploy_error
from kuberay.cli.open_release import chart_values, open_release
from kuberay.cli.output import print_deploy_result
from kuberay.release_target import ReleaseTarget


def deploy_command(
    *,
    values: options.ValuesOption = None,
    single: options.SetOption = None,
    image: options.ImageOption = "",
    release: options.ReleaseOption = "raylens",
    namespace: options.NamespaceOption = "",
    create_namespace: Annotated[
        bool, typer.Option("--create-namespace", help="Create the namespace if it does not exist.")
    ] = False,
    rollback_on_failure: Annotated[
        bool, typer.Option("--rollback-on-failure", help="Go back to the previous revision after a failure.")
    ] = False,
    reset_values: Annotated[
        bool, typer.Option("--reset-values", help="Drop the release's values that are not given here.")
    ] = False,
    no_wait: options.NoWaitOption = False,
    timeout: options.TimeoutOption = 900.0,
    context: options.ContextOption = "",
    kubeconfig: options.KubeconfigOption = None,
    helm: options.HelmOption = None,
    chart: options.ChartOption = None,
    as_json: options.JsonResultOption = False,
) -> None:
    """Install or upgrade a release on Kubernetes with Helm, and wait until it is ready.

    Ready: KubeRay has processed the change, one cluster serves, and every application and deployment of Ray Serve
    runs. Values of the release that are not given here are kept, including those of `raylens scale`.
    """
    with open_release(ReleaseTarget(release, namespace, context, kubeconfig), helm, chart, as_json) as opened:
        result = opened.deploy(
            chart_values(values, single, image),
            timeout_s=timeout,
            waits=not no_wait,
            rolls_back=rollback_on_failure,
            options=(
                "--reset-values" if reset_values else "--reset-then-reuse-values",
                *(("--create-namespace",) if create_namespace else ()),
            ),
        )
    print_deploy_result(result, as_json)


def render_command(
    *,
    values: options.ValuesOption = None,
    single: options.SetOption = None,
    image: options.ImageOption = "",
    release: options.ReleaseOption = "raylens",
    namespace: options.NamespaceOption = "",
    helm: options.HelmOption = None,
    chart: options.ChartOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array of the objects.")] = False,
) -> None:
    """Print the manifests that `raylens deploy` would install. Needs no cluster."""
    import json

    from kuberay.helm import CHART, Helm, find_helm, parse_manifests

    with exit_on_deploy_error(as_json):
        program = Helm(ReleaseTarget(release, namespace), chart or CHART, find_helm(helm))
        text = program.render(chart_values(values, single, image))
    typer.echo(json.dumps(parse_manifests(text)) if as_json else text, nl=as_json)
