"""Looks at everything that commonly goes wrong."""

from collections.abc import Callable, Iterator
from typing import Final

from kuberay.doctor import cluster, condition, quota, supplies
from kuberay.doctor.finding import Finding, State, failed, ok, warning
from kuberay.doctor.patient import Patient
from kuberay.errors import DeployError, NotAllowed, NotSignedIn, Unreachable
from kuberay.exit_codes import ExitCode
from kuberay.helm import Helm, Values, objects_of
from kuberay.observation import Observer

CHECKS: Final[tuple[tuple[str, Callable[[Patient], Iterator[Finding]]], ...]] = (
    ("KubeRay operator", cluster.operator),
    ("KubeRay operator", condition.operator_pods),
    ("Namespace", cluster.namespace),
    ("Definitions", cluster.kinds),
    ("Rights", cluster.rights),
    ("Secret", supplies.secrets),
    ("Storage", supplies.storage),
    ("Classes", supplies.classes),
    ("Quota", quota.quota),
    ("Release", condition.release),
    ("RayService", condition.service),
    ("Pods", condition.pods),
    ("Workers", condition.bounds),
    ("Events", condition.events),
)
"""Name → check, in the order in which one thing rests on another."""


def examine(helm: Helm, observer: Observer, values: Values) -> Iterator[Finding]:
    """Row by row. ``values``: of a release that is to be; without any, the one that is there is looked at.

    Raises Unreachable or NotSignedIn once there is no cluster to look at.
    """
    yield ok("Helm", helm.version())
    bare = Patient(helm, observer, (), ())
    yield from _asked("Kubernetes", cluster.version, bare)
    patient, problem = _patient(helm, observer, values)
    if problem:
        yield failed("Values", problem.message, problem.advice)
    for name, check in CHECKS:
        yield from _asked(name, check, patient)


def code_of(findings: list[Finding]) -> ExitCode:
    """Warnings are no failure."""
    return ExitCode.FAILED if any(one.state is State.FAILED for one in findings) else ExitCode.DONE


def _patient(helm: Helm, observer: Observer, values: Values) -> tuple[Patient, DeployError | None]:
    """With no manifests where Helm does not tell them."""
    try:
        history = tuple(helm.history())
    except NotAllowed as error:
        return Patient(helm, observer, (), ()), error
    try:
        is_there = history and not (values.files or values.single)
        manifests = helm.manifests() if is_there else objects_of(helm.render(values))
    except DeployError as error:
        return Patient(helm, observer, history, ()), error
    return Patient(helm, observer, history, tuple(manifests)), None


def _asked(name: str, check: Callable[[Patient], Iterator[Finding]], patient: Patient) -> Iterator[Finding]:
    """A check that may not look is a row as well, and does not end the examination."""
    try:
        yield from check(patient)
    except (Unreachable, NotSignedIn):
        raise
    except NotAllowed as error:
        yield warning(name, f"could not be looked at: {error.message}", error.advice)
    except DeployError as error:
        yield failed(name, error.message, error.advice)
