"""``raylens deploy`` and ``raylens render``."""

from typing import Annotated

import typer

from kuberay.cli import options
from kuberay.cli.opened import Place, opened, values_of


def deploy(
    *,
    values: options.ValuesFiles = None,
    single: options.SingleValues = None,
    image: options.Image = "",
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    create_namespace: Annotated[
        bool, typer.Option("--create-namespace", help="Make the namespace where it is not there.")
    ] = False,
    rollback_on_failure: Annotated[
        bool, typer.Option("--rollback-on-failure", help="Go back to the revision before where it does not come up.")
    ] = False,
    reset_values: Annotated[
        bool, typer.Option("--reset-values", help="Forget the values of the release that are not given here.")
    ] = False,
    no_wait: options.NoWait = False,
    timeout: options.Timeout = 900.0,
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    helm: options.HelmProgram = None,
    chart: options.Chart = None,
    as_json: options.AsJson = False,
) -> None:
    """Install or upgrade a release on Kubernetes with Helm, and wait until it is up.

    Up: KubeRay has seen the change, one cluster serves, and every application and deployment of Ray Serve runs. Values
    of the release that are not given here stay as they are, those of `raylens scale` among them.
    """
    from kuberay.cli.printing import tell_outcome

    with opened(Place(release, namespace, context, kubeconfig), helm, chart, as_json) as opened_release:
        outcome = opened_release.deploy(
            values_of(values, single, image),
            timeout_s=timeout,
            waits=not no_wait,
            rolls_back=rollback_on_failure,
            options=(
                "--reset-values" if reset_values else "--reset-then-reuse-values",
                *(("--create-namespace",) if create_namespace else ()),
            ),
        )
    tell_outcome(outcome, as_json)


def render(
    *,
    values: options.ValuesFiles = None,
    single: options.SingleValues = None,
    image: options.Image = "",
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    helm: options.HelmProgram = None,
    chart: options.Chart = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array of the objects.")] = False,
) -> None:
    """Print the manifests that `raylens deploy` would install. No cluster is asked."""
    import json

    from kuberay.cli.ending import ending
    from kuberay.helm import CHART, Helm, found, objects_of
    from kuberay.target import Target

    with ending(as_json):
        program = Helm(Target(release, namespace), chart or CHART, found(helm))
        text = program.render(values_of(values, single, image))
    typer.echo(json.dumps(objects_of(text)) if as_json else text, nl=as_json)
