"""Runs the checks of ``raylens doctor``."""

from collections.abc import Callable, Iterator
from typing import Final

from kuberay.doctor import cluster_checks, release_checks
from kuberay.doctor.check import CheckContext, CheckResult, CheckState, failed, ok, warning
from kuberay.doctor.quota_check import quota
from kuberay.doctor.secret_checks import secrets
from kuberay.errors import ClusterAccessDenied, ClusterUnauthorized, ClusterUnreachable, DeployError
from kuberay.exit_codes import ExitCode
from kuberay.helm import ChartValues, Helm, parse_manifests
from kuberay.release_reader import ReleaseReader

DoctorCheck = Callable[[CheckContext], Iterator[CheckResult]]

CHECKS: Final[tuple[tuple[str, DoctorCheck], ...]] = (
    ("KubeRay operator", cluster_checks.operator),
    ("Namespace", cluster_checks.namespace),
    ("Kinds", cluster_checks.kinds),
    ("Permissions", cluster_checks.permissions),
    ("Secret", secrets),
    ("Quota", quota),
    ("Release", release_checks.helm_release),
    ("RayService", release_checks.rayservice),
    ("Pods", release_checks.pods),
)
"""Name → check; later ones depend on earlier ones."""


def run_checks(helm: Helm, reader: ReleaseReader, values: ChartValues) -> Iterator[CheckResult]:
    """With ``values``: of a release that is still to be installed; without: of the installed one.

    Raises ClusterUnreachable and ClusterUnauthorized, which every further check would meet as well.
    """
    yield ok("Helm", helm.version())
    context = CheckContext(helm, reader)
    yield from _results("Kubernetes", cluster_checks.kubernetes_version, context)
    try:
        history = tuple(helm.history())
        context = CheckContext(helm, reader, history)
        installed = history and not (values.files or values.single)
        manifests = helm.manifests() if installed else parse_manifests(helm.render(values))
        context = CheckContext(helm, reader, history, tuple(manifests))
    except (ClusterUnreachable, ClusterUnauthorized):
        raise
    except DeployError as error:
        yield failed("Values", error.message, error.advice)
    for name, check in CHECKS:
        yield from _results(name, check, context)


def doctor_exit_code(results: list[CheckResult]) -> ExitCode:
    return ExitCode.FAILED if any(one.state is CheckState.FAILED for one in results) else ExitCode.DONE


def _results(name: str, check: DoctorCheck, context: CheckContext) -> Iterator[CheckResult]:
    """A check that fails itself is a result as well."""
    try:
        yield from check(context)
    except (ClusterUnreachable, ClusterUnauthorized):
        raise
    except ClusterAccessDenied as error:
        yield warning(name, f"could not be checked: {error.message}", error.advice)
    except DeployError as error:
        yield failed(name, error.message, error.advice)
