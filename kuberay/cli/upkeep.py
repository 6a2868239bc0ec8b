"""``raylens wait``, ``rollback`` and ``scale``."""

from typing import Annotated

import typer

from kuberay.cli import options
from kuberay.cli.opened import Place, opened


def wait(
    *,
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    timeout: options.Timeout = 900.0,
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    as_json: options.AsJson = False,
) -> None:
    """Wait until a release is up, as `raylens deploy` does."""
    from kuberay.cli.ending import ending
    from kuberay.cli.printing import tell
    from kuberay.cli.progress import progress
    from kuberay.clock import Clock
    from kuberay.readiness import judge
    from kuberay.waiting import wait as wait_for

    place = Place(release, namespace, context, kubeconfig)
    with ending(as_json), progress() as shown:
        observer = place.observer()
        observer.service()
        wait_for(observer.look, lambda seen: judge(seen.service, seen.troubles), shown, Clock(), timeout)
    tell(f"{release} is up.", {"release": release, "namespace": observer.api.namespace, "waited": True}, as_json)


def rollback(
    revision: Annotated[
        int | None,
        typer.Argument(metavar="[REVISION]", min=1, help="Else the last one that Helm had brought to its end."),
    ] = None,
    *,
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    no_wait: options.NoWait = False,
    timeout: options.Timeout = 900.0,
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    helm: options.HelmProgram = None,
    as_json: options.AsJson = False,
) -> None:
    """Go back to an earlier revision of a release, and wait until it is up.

    Frees a release as well whose Helm was killed. The database's tables stay as they are.
    """
    from kuberay.cli.printing import tell_outcome

    with opened(Place(release, namespace, context, kubeconfig), helm, None, as_json) as opened_release:
        outcome = opened_release.rollback(revision, timeout_s=timeout, waits=not no_wait)
    tell_outcome(outcome, as_json)


def scale(
    *,
    fewest: Annotated[int | None, typer.Option("--min", min=1, help="The fewest workers.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="The most workers.")] = None,
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    no_wait: options.NoWait = False,
    timeout: options.Timeout = 900.0,
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    helm: options.HelmProgram = None,
    chart: options.Chart = None,
    as_json: options.AsJson = False,
) -> None:
    """Set how many workers there may be, in the release and in the cluster that runs, and wait for the fewest."""
    from kuberay.cli.printing import tell_outcome
    from kuberay.scaling import scale as scale_release

    with opened(Place(release, namespace, context, kubeconfig), helm, chart, as_json) as opened_release:
        outcome = scale_release(opened_release, fewest, most, timeout_s=timeout, waits=not no_wait)
    tell_outcome(outcome, as_json)
