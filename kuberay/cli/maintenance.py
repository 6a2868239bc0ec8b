"""``raylens wait``, ``rollback`` and ``scale``."""

from typing import Annotated

import typer

from kuberay.cli import options
from kuberay.cli.exit import exit_on_deploy_error
from kuberay.cli.open_release import open_reader, open_release
from kuberay.cli.output import print_deploy_result, print_result
from kuberay.cli.progress import show_progress
from kuberay.release_target import ReleaseTarget


def wait_command(
    *,
    release: options.ReleaseOption = "raylens",
    namespace: options.NamespaceOption = "",
    timeout: options.TimeoutOption = 900.0,
    context: options.ContextOption = "",
    kubeconfig: options.KubeconfigOption = None,
    as_json: options.JsonResultOption = False,
) -> None:
    """Wait until a release is ready, as `raylens deploy` does."""
    from kuberay.clock import MonotonicClock
    from kuberay.readiness import readiness_of
    from kuberay.waiting import wait_until_ready

    with exit_on_deploy_error(as_json), show_progress() as progress:
        reader = open_reader(ReleaseTarget(release, namespace, context, kubeconfig))
        reader.required_manifest()
        wait_until_ready(
            reader.snapshot, lambda seen: readiness_of(seen.service, seen.problems), progress, MonotonicClock(), timeout
        )
    result = {"release": release, "namespace": reader.api.namespace, "waited": True}
    print_result(f"{release} is ready.", result, as_json)


def rollback_command(
    revision: Annotated[
        int | None, typer.Argument(metavar="[REVISION]", min=1, help="Default: the last completed one.")
    ] = None,
    *,
    release: options.ReleaseOption = "raylens",
    namespace: options.NamespaceOption = "",
    no_wait: options.NoWaitOption = False,
    timeout: options.TimeoutOption = 900.0,
    context: options.ContextOption = "",
    kubeconfig: options.KubeconfigOption = None,
    helm: options.HelmOption = None,
    as_json: options.JsonResultOption = False,
) -> None:
    """Go back to an earlier revision of a release, and wait until it is ready.

    Also frees a release whose Helm was killed. The database schema stays as it is.
    """
    with open_release(ReleaseTarget(release, namespace, context, kubeconfig), helm, None, as_json) as opened:
        result = opened.rollback(revision, timeout_s=timeout, waits=not no_wait)
    print_deploy_result(result, as_json)


def scale_command(
    *,
    fewest: Annotated[int | None, typer.Option("--min", min=1, help="Minimum number of workers.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="Maximum number of workers.")] = None,
    release: options.ReleaseOption = "raylens",
    namespace: options.NamespaceOption = "",
    no_wait: options.NoWaitOption = False,
    timeout: options.TimeoutOption = 900.0,
    context: options.ContextOption = "",
    kubeconfig: options.KubeconfigOption = None,
    helm: options.HelmOption = None,
    chart: options.ChartOption = None,
    as_json: options.JsonResultOption = False,
) -> None:
    """Set the bounds of the workers, in the release and in the running cluster, and wait for the minimum."""
    from kuberay.scaling import scale_workers

    with open_release(ReleaseTarget(release, namespace, context, kubeconfig), helm, chart, as_json) as opened:
        result = scale_workers(opened, fewest, most, timeout_s=timeout, waits=not no_wait)
    print_deploy_result(result, as_json)
