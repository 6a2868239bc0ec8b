"""``raylens delete``."""

import sys
from dataclasses import asdict

import typer

from kuberay.cli import options
from kuberay.cli.open_release import open_release
from kuberay.cli.output import print_result
from kuberay.release_target import ReleaseTarget


def delete_release_command(
    *,
    release: options.ReleaseOption = "raylens",
    namespace: options.NamespaceOption = "",
    yes: options.YesOption = False,
    no_wait: options.NoWaitOption = False,
    timeout: options.TimeoutOption = 600.0,
    context: options.ContextOption = "",
    kubeconfig: options.KubeconfigOption = None,
    helm: options.HelmOption = None,
    as_json: options.JsonResultOption = False,
) -> None:
    """Uninstall a release, and wait until KubeRay has deleted its clusters.

    The spool's volume stays, with the records that wait for the database; Secret, database and Redis stay as well.
    """
    from kuberay.uninstall import uninstall_release

    with open_release(ReleaseTarget(release, namespace, context, kubeconfig), helm, None, as_json) as opened:
        deleted_from = opened.helm.target.namespace
        if not yes:
            _confirm(release, deleted_from)
        result = uninstall_release(opened, timeout_s=timeout, waits=not no_wait)
    text = f"{release} is deleted from namespace {deleted_from}."
    if result.kept:
        command = f"kubectl --namespace {deleted_from} delete pvc {' '.join(result.kept)}"
        text += f" Its records are kept: {command} deletes them."
    print_result(text, asdict(result), as_json)


def _confirm(release: str, namespace: str) -> None:
    from kuberay.errors import DeployError, InvalidUsage

    if not sys.stdin.isatty():
        raise InvalidUsage("There is no terminal to ask for confirmation.", "Give --yes.")
    if not typer.confirm(f"Delete release {release} from namespace {namespace}?", err=True):
        raise DeployError("Nothing was deleted.")
