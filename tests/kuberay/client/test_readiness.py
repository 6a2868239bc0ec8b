import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberay.exit_codes import ExitCode
from kuberay.pods import Kind, Trouble
from kuberay.ray_service import RayService
from kuberay.readiness import PATIENCE_S, judge
from tests.kuberay.client.statuses import APPLICATION, cluster, condition, service

UPDATING = {**APPLICATION, "serveDeploymentStatuses": {"Classifier": {"status": "UPDATING"}}}
NEW = {"pendingServiceStatus": cluster("raylens-fghij", None, availableWorkerReplicas=0)}

WAITING = {
    "no status": (service(status=dict.fromkeys(service()["status"])), "KubeRay to take up the change"),
    "an old generation": (service(status={"observedGeneration": 2}), "generation 3, seen 2"),
    "not ready": (service(condition("Ready", "False", "ZeroServeEndpoints")), "an endpoint (ZeroServeEndpoints)"),
    "ready unknown": (service(condition("Ready", "Unknown")), "an endpoint"),
    "upgrade under way": (service(condition("UpgradeInProgress", "True")), "the upgrade to end"),
    "nothing said of an upgrade": (service(status={"conditions": [condition("Ready", "True")]}), "the upgrade to end"),
    "rollback under way": (service(condition("RollbackInProgress", "True")), "KubeRay's rollback to end"),
    "a pending cluster": (service(status=NEW), "the new cluster to take over"),
    "a pending cluster without workers": (service(status=NEW), "workers of raylens-fghij (0 of 2)"),
    "a share of the requests": (
        service(status={"pendingServiceStatus": {**cluster("raylens-fghij"), "trafficRoutedPercent": 40}}),
        "(40 % of the requests)",
    ),
    "no cluster": (service(status={"activeServiceStatus": None}), "a RayCluster"),
    "no application": (service(status={"activeServiceStatus": cluster(application=None)}), "workers of raylens-abcde"),
    "another application": (
        service(serveConfigV2="applications: [{name: raylens}, {name: second}]"),
        "application second",
    ),
    "an application that deploys": (
        service(status={"activeServiceStatus": cluster(application={**APPLICATION, "status": "DEPLOYING"})}),
        "application raylens (DEPLOYING)",
    ),
    "a deployment that changes": (
        service(status={"activeServiceStatus": cluster(application=UPDATING)}),
        "application raylens (RUNNING, Classifier UPDATING)",
    ),
    "resumed a moment ago": (service(condition("Suspended", "True")), "KubeRay to resume it"),
}

FAILED = {**APPLICATION, "status": "DEPLOY_FAILED", "message": "no such model"}
BLAMED = {
    "status": "UNHEALTHY",
    "message": "see below",
    "serveDeploymentStatuses": {
        "Ingress": {"status": "HEALTHY"},
        "Classifier": {"status": "UNHEALTHY", "message": "failed its health check"},
    },
}
FAILING = {
    "refused by KubeRay": (
        service(condition("Ready", "False", "ValidationFailed", "spec.x is wrong"), status={"observedGeneration": 2}),
        ExitCode.INVALID,
        "spec.x is wrong",
    ),
    "given up by KubeRay": (
        service(condition("Ready", "False", "InitializingTimeout", "after 10m")),
        ExitCode.INITIALIZING_TIMEOUT,
        "after 10m",
    ),
    "an application that cannot be deployed": (
        service(status={"activeServiceStatus": cluster(application=FAILED)}),
        ExitCode.DEPLOY_FAILED,
        "no such model",
    ),
    "on the new cluster": (
        service(status={"pendingServiceStatus": cluster("raylens-fghij", FAILED)}),
        ExitCode.DEPLOY_FAILED,
        "the cluster before serves on",
    ),
    "a deployment that is ill": (
        service(status={"activeServiceStatus": cluster(application=BLAMED)}),
        ExitCode.UNHEALTHY,
        "Classifier: failed its health check",
    ),
}


def judged(manifest, *pods: Trouble):
    return judge(RayService.of(manifest), pods)


def trouble(kind: Kind, cluster: str = "raylens-abcde", component: str = "worker") -> Trouble:
    return Trouble("raylens-worker-1", component, cluster, kind, "ImagePullBackOff: no such image")


def test_up():
    verdict = judged(service())
    assert verdict.is_done
    assert verdict.waits_for == ()


def test_no_service_yet():
    assert judge(None).waits_for == ("the RayService to be made",)


@pytest.mark.parametrize("case", WAITING)
def test_what_is_waited_for(case: str):
    manifest, told = WAITING[case]
    verdict = judged(manifest)
    assert not verdict.is_done
    assert verdict.failure is None
    assert any(told in reason for reason in verdict.waits_for), verdict.waits_for


@pytest.mark.parametrize("case", FAILING)
def test_what_has_failed(case: str):
    manifest, code, told = FAILING[case]
    failure = judged(manifest).failure
    assert failure
    assert failure.code is code
    assert told in failure.message
    assert failure.advice
    assert code in PATIENCE_S


def test_the_failure_of_the_cluster_before_is_none_of_the_new_one():
    """The upgrade is what mends it."""
    old = cluster(application=FAILED)
    assert judged(service(status={"activeServiceStatus": old, **NEW})).failure is None
    assert judged(service(status={"activeServiceStatus": old, "observedGeneration": 2})).failure is None


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.MEMORY, Kind.CRASH, Kind.CONFIGURATION])
def test_pods_that_cannot_start(kind: Kind):
    failure = judged(service(condition("Ready", "False")), trouble(kind)).failure
    assert failure
    assert failure.code is ExitCode.PODS_FAILED
    assert "raylens-worker-1: ImagePullBackOff" in failure.message


@pytest.mark.parametrize("kind", [Kind.NO_ROOM, Kind.LOST])
def test_nodes_may_come(kind: Kind):
    assert judged(service(condition("Ready", "False")), trouble(kind)).failure is None


def test_pods_of_the_cluster_that_goes_do_not_count():
    assert judged(service(status=NEW), trouble(Kind.CRASH, "raylens-abcde")).failure is None
    assert judged(service(status=NEW), trouble(Kind.CRASH, "raylens-fghij")).failure
    assert judged(service(status=NEW), trouble(Kind.CRASH, "", "mysql")).failure
    assert judged(service(status=NEW), trouble(Kind.CRASH, "", "migration")).failure is None


def test_a_service_that_is_up_has_no_failure():
    """One pod of many may be in trouble while all replicas run."""
    assert judged(service(), trouble(Kind.CRASH)).is_done


def test_suspended():
    verdict = judged(service(suspend=True))
    assert verdict.is_suspended
    assert not verdict.is_done


CONDITION = st.sampled_from(["True", "False", "Unknown", ""])
SEEN = st.fixed_dictionaries(
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


@given(SEEN)
def test_done_is_one_combination_alone(seen):
    told = {"status": seen["application"], "serveDeploymentStatuses": {"Classifier": {"status": seen["deployment"]}}}
    manifest = service(
        condition("Ready", seen["ready"]),
        condition("UpgradeInProgress", seen["upgrade"]),
        condition("RollbackInProgress", seen["back"]),
        suspend=seen["suspend"],
        status={
            "observedGeneration": seen["generation"],
            "activeServiceStatus": cluster(application=told),
            **({"pendingServiceStatus": cluster("raylens-fghij", told)} if seen["pending"] else {}),
        },
    )
    serving = (seen["ready"], seen["upgrade"]) == ("True", "False")
    up = serving and (seen["application"], seen["deployment"]) == ("RUNNING", "HEALTHY")
    alone = seen["back"] != "True" and not seen["pending"] and not seen["suspend"]
    verdict = judged(manifest)
    assert verdict.is_done == (up and alone and seen["generation"] >= 3)
    assert verdict.is_done or verdict.waits_for
