"""``raylens delete``."""

import sys
from dataclasses import asdict

import typer

from kuberay.cli import options
from kuberay.cli.opened import Place, opened


def delete(
    *,
    release: options.ReleaseName = "raylens",
    namespace: options.Namespace = "",
    yes: options.Yes = False,
    no_wait: options.NoWait = False,
    timeout: options.Timeout = 600.0,
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    helm: options.HelmProgram = None,
    as_json: options.AsJson = False,
) -> None:
    """Take a release away, and wait until KubeRay has taken its clusters away.

    The spool's volume stays, with the records that wait in it for the database; Secret, database and Redis as well.
    """
    from kuberay.cli.printing import tell
    from kuberay.removal import delete as delete_release

    with opened(Place(release, namespace, context, kubeconfig), helm, None, as_json) as opened_release:
        place = opened_release.helm.target.namespace
        if not yes:
            _ask(release, place)
        removal = delete_release(opened_release, timeout_s=timeout, waits=not no_wait)
    text = f"{release} is gone from namespace {place}."
    if removal.kept:
        claims = " ".join(removal.kept)
        text += f" Kept, with the records in it: kubectl --namespace {place} delete pvc {claims} takes it away."
    tell(text, asdict(removal), as_json)


def _ask(release: str, namespace: str) -> None:
    from kuberay.errors import DeployError, WrongUse

    if not sys.stdin.isatty():
        raise WrongUse("There is no terminal to ask whether it is meant.", "Give --yes.")
    if not typer.confirm(f"Take release {release} out of namespace {namespace}?", err=True):
        raise DeployError("Nothing was taken away.")
