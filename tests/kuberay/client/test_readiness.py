import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberay.exit_codes import ExitCode
from kuberay.pod_problems import PodProblem
from kuberay.pod_problems import PodProblemKind as Kind
from kuberay.ray_service import RayService
from kuberay.readiness import FAILURE_GRACE_S, readiness_of
from tests.kuberay.client.statuses import APPLICATION, cluster, condition, service

UPDATING = {**APPLICATION, "serveDeploymentStatuses": {"Classifier": {"status": "UPDATING"}}}
NEW = {"pendingServiceStatus": cluster("raylens-fghij", None, availableWorkerReplicas=0)}

WAITING = {
    "no status": (service(status=dict.fromkeys(service()["status"])), "KubeRay to process the change"),
    "old generation": (service(status={"observedGeneration": 2}), "generation 3, seen 2"),
    "not ready": (service(condition("Ready", "False", "ZeroServeEndpoints")), "an endpoint (ZeroServeEndpoints)"),
    "unknown": (service(condition("Ready", "Unknown")), "an endpoint"),
    "upgrade in progress": (service(condition("UpgradeInProgress", "True")), "the end of the upgrade"),
    "no upgrade condition": (service(status={"conditions": [condition("Ready", "True")]}), "the end of the upgrade"),
    "rollback in progress": (service(condition("RollbackInProgress", "True")), "the end of KubeRay's rollback"),
    "pending cluster": (service(status=NEW), "the switch to the new cluster"),
    "pending cluster without workers": (service(status=NEW), "workers of raylens-fghij (0 of 2)"),
    "share of the requests": (
        service(status={"pendingServiceStatus": {**cluster("raylens-fghij"), "trafficRoutedPercent": 40}}),
        "(40 % of the requests)",
    ),
    "no cluster": (service(status={"activeServiceStatus": None}), "a RayCluster"),
    "no application": (service(status={"activeServiceStatus": cluster(application=None)}), "workers of raylens-abcde"),
    "missing application": (
        service(serveConfigV2="applications: [{name: raylens}, {name: second}]"),
        "application second",
    ),
    "deploying application": (
        service(status={"activeServiceStatus": cluster(application={**APPLICATION, "status": "DEPLOYING"})}),
        "application raylens (DEPLOYING)",
    ),
    "updating deployment": (
        service(status={"activeServiceStatus": cluster(application=UPDATING)}),
        "application raylens (RUNNING, Classifier UPDATING)",
    ),
    "just resumed": (service(condition("Suspended", "True")), "KubeRay to resume it"),
}

FAILED = {**APPLICATION, "status": "DEPLOY_FAILED", "message": "no such model"}
UNHEALTHY = {
    "status": "UNHEALTHY",
    "message": "see below",
    "serveDeploymentStatuses": {
        "Ingress": {"status": "HEALTHY"},
        "Classifier": {"status": "UNHEALTHY", "message": "failed its health check"},
    },
}
FAILING = {
    "rejected by KubeRay": (
        service(condition("Ready", "False", "ValidationFailed", "spec.x is wrong"), status={"observedGeneration": 2}),
        ExitCode.INVALID,
        "spec.x is wrong",
    ),
    "abandoned by KubeRay": (
        service(condition("Ready", "False", "InitializingTimeout", "after 10m")),
        ExitCode.INITIALIZING_TIMEOUT,
        "after 10m",
    ),
    "failed application": (
        service(status={"activeServiceStatus": cluster(application=FAILED)}),
        ExitCode.DEPLOY_FAILED,
        "no such model",
    ),
    "failed on the new cluster": (
        service(status={"pendingServiceStatus": cluster("raylens-fghij", FAILED)}),
        ExitCode.DEPLOY_FAILED,
        "the previous cluster continues to serve",
    ),
    "unhealthy deployment": (
        service(status={"activeServiceStatus": cluster(application=UNHEALTHY)}),
        ExitCode.UNHEALTHY,
        "Classifier: failed its health check",
    ),
}


def readiness(manifest, *pods: PodProblem):
    return readiness_of(RayService.from_manifest(manifest), pods)


def problem(kind: Kind, cluster: str = "raylens-abcde", component: str = "worker") -> PodProblem:
    return PodProblem("raylens-worker-1", component, cluster, kind, "ImagePullBackOff: no such image")


def test_ready():
    result = readiness(service())
    assert result.is_ready
    assert result.waits_for == ()


def test_no_service():
    assert readiness_of(None).waits_for == ("the RayService",)


@pytest.mark.parametrize("case", WAITING)
def test_waiting(case: str):
    manifest, reason = WAITING[case]
    result = readiness(manifest)
    assert not result.is_ready
    assert result.failure is None
    assert any(reason in waited for waited in result.waits_for), result.waits_for


@pytest.mark.parametrize("case", FAILING)
def test_failure(case: str):
    manifest, code, message = FAILING[case]
    failure = readiness(manifest).failure
    assert failure
    assert failure.code is code
    assert message in failure.message
    assert failure.advice
    assert code in FAILURE_GRACE_S


def test_failure_of_the_previous_cluster_is_ignored():
    """The upgrade may fix it."""
    old = cluster(application=FAILED)
    assert readiness(service(status={"activeServiceStatus": old, **NEW})).failure is None
    assert readiness(service(status={"activeServiceStatus": old, "observedGeneration": 2})).failure is None


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.MEMORY, Kind.CRASH, Kind.CONFIGURATION])
def test_pod_failure(kind: Kind):
    failure = readiness(service(condition("Ready", "False")), problem(kind)).failure
    assert failure
    assert failure.code is ExitCode.PODS_FAILED
    assert "raylens-worker-1: ImagePullBackOff" in failure.message


@pytest.mark.parametrize("kind", [Kind.NO_ROOM, Kind.LOST])
def test_missing_room_is_no_failure(kind: Kind):
    assert readiness(service(condition("Ready", "False")), problem(kind)).failure is None


def test_pods_of_the_previous_cluster_are_ignored():
    assert readiness(service(status=NEW), problem(Kind.CRASH, "raylens-abcde")).failure is None
    assert readiness(service(status=NEW), problem(Kind.CRASH, "raylens-fghij")).failure
    assert readiness(service(status=NEW), problem(Kind.CRASH, "", "mysql")).failure
    assert readiness(service(status=NEW), problem(Kind.CRASH, "", "migration")).failure is None


def test_ready_in_spite_of_a_pod_problem():
    """All replicas may run without that pod."""
    assert readiness(service(), problem(Kind.CRASH)).is_ready


def test_suspended():
    result = readiness(service(suspend=True))
    assert result.is_suspended
    assert not result.is_ready


CONDITION = st.sampled_from(["True", "False", "Unknown", ""])
STATUSES = st.fixed_dictionaries(
    {
        "ready": CONDITION,
        "upgrade": CONDITION,
        "back": CONDITION,
        "generation": st.integers(2, 4),
        "application": st.sampled_from(["NOT_STARTED", "DEPLOYING", "RUNNING", "DEPLOY_FAILED", "UNHEALTHY", ""]),
        "deployment": st.sampled_from(["UPDATING", "HEALTHY", "UNHEALTHY", "UPSCALING", "DEPLOY_FAILED", ""]),
        "pending": st.booleans(),
        "suspend": st.booleans(),
    }
)


@given(STATUSES)
def test_ready_is_only_one_combination(seen):
    application = {
        "status": seen["application"],
        "serveDeploymentStatuses": {"Classifier": {"status": seen["deployment"]}},
    }
    manifest = service(
        condition("Ready", seen["ready"]),
        condition("UpgradeInProgress", seen["upgrade"]),
        condition("RollbackInProgress", seen["back"]),
        suspend=seen["suspend"],
        status={
            "observedGeneration": seen["generation"],
            "activeServiceStatus": cluster(application=application),
            **({"pendingServiceStatus": cluster("raylens-fghij", application)} if seen["pending"] else {}),
        },
    )
    serving = (seen["ready"], seen["upgrade"]) == ("True", "False")
    up = serving and (seen["application"], seen["deployment"]) == ("RUNNING", "HEALTHY")
    alone = seen["back"] != "True" and not seen["pending"] and not seen["suspend"]
    result = readiness(manifest)
    assert result.is_ready == (up and alone and seen["generation"] >= 3)
    assert result.is_ready or result.waits_for
