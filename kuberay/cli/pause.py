"""``raylens suspend`` and ``resume``."""

from kuberay.cli import options
from kuberay.cli.opened import Place, opened


def suspend(
    *,
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    no_wait: options.NoWait = False,
    timeout: options.Timeout = 600.0,
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    helm: options.HelmProgram = None,
    as_json: options.AsJson = False,
) -> None:
    """Stop a release without taking it away: its pods go, its settings, Secrets and records stay.

    Requests under way are not answered. Deploying meanwhile changes the release, but starts nothing.
    """
    from kuberay.cli.printing import tell
    from kuberay.suspension import suspend as suspend_release

    with opened(Place(release, namespace, context, kubeconfig), helm, None, as_json) as opened_release:
        suspend_release(opened_release, timeout_s=timeout, waits=not no_wait)
    text = f"{release} {'will be' if no_wait else 'is'} suspended; `raylens resume` starts it again."
    tell(text, {"release": release, "suspended": True, "waited": not no_wait}, as_json)


def resume(
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
    """Start a suspended release again, as it was deployed last, and wait until it is up."""
    from kuberay.cli.printing import tell
    from kuberay.suspension import resume as resume_release

    with opened(Place(release, namespace, context, kubeconfig), helm, None, as_json) as opened_release:
        resume_release(opened_release, timeout_s=timeout, waits=not no_wait)
    text = f"{release} is to start; `raylens wait` waits for it." if no_wait else f"{release} is up."
    tell(text, {"release": release, "suspended": False, "waited": not no_wait}, as_json)
