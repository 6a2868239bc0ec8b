"""How a release that is there is doing."""

from collections.abc import Iterator

from kuberay import paths
from kuberay.doctor.finding import Finding, failed, ok, warning
from kuberay.doctor.patient import Patient
from kuberay.errors import NotFound
from kuberay.helm import last_done
from kuberay.kubectl_commands import OPERATOR_LOG
from kuberay.pods import OPERATOR, Kind, troubles
from kuberay.ray_service import RayService
from kuberay.readiness import judge
from kuberay.scaling import bounds_of
from kuberay.status import last_events


def release(patient: Patient) -> Iterator[Finding]:
    """What Helm knows of it."""
    if not patient.history:
        yield warning("Release", f"{patient.helm.target.release} is not there yet", "Install it with `raylens deploy`.")
        return
    newest = patient.history[-1]
    told = f"revision {newest.number} is {newest.status}"
    if newest.is_under_way:
        free = "`raylens rollback`" if last_done(patient.history) else "`raylens delete`"
        yield failed("Release", told, f"If nobody deploys right now, a Helm was killed: {free} frees the release.")
    elif newest.status != "deployed":
        yield warning("Release", f"{told}: {newest.description}", "Deploy again once the reason is gone.")
    else:
        yield ok("Release", told)
    if newest.chart != patient.helm.chart_version():
        here = patient.helm.chart_version()
        yield warning("Chart", f"the release is of {newest.chart}, here is {here}", "Deploy to bring it up to date.")


def service(patient: Patient) -> Iterator[Finding]:
    """What KubeRay and Ray Serve say."""
    seen = patient.observer.look()
    if seen.service is None:
        if patient.history:
            yield failed("RayService", "is not there, though the release is", "`raylens deploy` makes it again.")
        return
    verdict = judge(seen.service, seen.troubles)
    if verdict.failure:
        make = warning if verdict.is_suspended else failed
        yield make("RayService", verdict.failure.message, verdict.failure.advice)
    elif verdict.waits_for:
        yield warning("RayService", f"waits for {'; '.join(verdict.waits_for)}", "`raylens wait` waits until it is up.")
    else:
        yield ok("RayService", "is up, every application runs")


def pods(patient: Patient) -> Iterator[Finding]:
    """At most one row a pod."""
    seen = patient.observer.look()
    for trouble in seen.troubles:
        make = warning if trouble.kind is Kind.LOST else failed
        yield make("Pod", str(trouble), trouble.advice)
    if seen.running and not seen.troubles:
        yield ok("Pods", f"running: {seen.summary()}")


def operator_pods(patient: Patient) -> Iterator[Finding]:
    """An operator that crashes writes no status any more."""
    for trouble in troubles(patient.api.items(paths.core("pods"), labelSelector=OPERATOR)):
        yield failed("Pod", f"KubeRay's operator, {trouble}", f"See `{OPERATOR_LOG}`.")


def bounds(patient: Patient) -> Iterator[Finding]:
    """KubeRay leaves those of a RayCluster that runs as they are."""
    manifest = patient.observer.manifest()
    if manifest is None:
        return
    wanted = bounds_of(manifest["spec"]["rayClusterConfig"].get("workerGroupSpecs") or [])
    service = RayService.of(manifest)
    if service.active is None or wanted is None:
        return
    try:
        cluster = patient.api.get(paths.ray("rayclusters", patient.namespace, service.active.name))
    except NotFound:
        yield failed("RayCluster", f"{service.active.name} is not there", f"See `{OPERATOR_LOG}`.")
        return
    live = bounds_of(cluster["spec"].get("workerGroupSpecs") or [])
    if live == wanted:
        yield ok("Workers", f"{wanted} may run")
    else:
        advice = f"`raylens scale --min {wanted.fewest} --max {wanted.most}` brings them to the cluster that runs."
        yield warning("Workers", f"the release says {wanted}, the running cluster has {live}", advice)


def events(patient: Patient) -> Iterator[Finding]:
    """The last warnings about it."""
    manifest = patient.observer.manifest()
    if manifest is None:
        return
    service = RayService.of(manifest)
    named = {service.name, *(pod["metadata"]["name"] for pod in patient.observer.pods(service.name))}
    named |= {cluster.name for cluster in (service.active, service.pending) if cluster}
    told = patient.api.items(paths.core("events", patient.namespace))
    for event in last_events((one for one in told if one.get("type") == "Warning"), named)[-3:]:
        yield warning("Event", f"{event.object}: {event.reason}: {event.message}")
