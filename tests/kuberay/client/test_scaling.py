"""Scaling: when it is rejected, and how it patches the running cluster while other clients write it."""

from typing import cast

import pytest

from kuberay import scaling
from kuberay.errors import InvalidUsage, ReleaseNotReady, ResourceConflict
from kuberay.helm import Helm
from kuberay.kubernetes_api import KubernetesApi
from kuberay.release import Release
from kuberay.release_reader import ReleaseReader
from kuberay.release_target import ReleaseTarget
from kuberay.scaling import WorkerBounds, worker_bounds
from tests.kuberay.client.fakes import FakeHelm, FakeReader, ManualClock, RecordedProgress, revisions
from tests.kuberay.client.raylens import NAMESPACE, Raylens
from tests.kuberay.client.statuses import service
from tests.kuberay.client.test_commands import put

WANTED = WorkerBounds(3, 20)


def release(raylens: Raylens) -> Release:
    api = KubernetesApi(ReleaseTarget(namespace=NAMESPACE, kubeconfig=raylens.kubeconfig))
    return Release(cast("Helm", FakeHelm()), ReleaseReader(api, "raylens"), RecordedProgress(), ManualClock())


def live(raylens: Raylens):
    (found,) = raylens.objects("RayCluster")
    return found["spec"]["workerGroupSpecs"]


def scale(helm: FakeHelm) -> None:
    suspended = service(suspend=True)
    groups = [{"groupName": "workers", "minReplicas": 3, "maxReplicas": 10}]
    suspended["spec"]["rayClusterConfig"] = {"workerGroupSpecs": groups}
    reader = cast("ReleaseReader", FakeReader(helm, suspended))
    scaling.scale_workers(
        Release(cast("Helm", helm), reader, RecordedProgress(), ManualClock()), 3, None, timeout_s=100
    )


def test_another_chart_is_rejected() -> None:
    helm = FakeHelm(revisions("deployed"), chart="raylens-0.2.0")
    with pytest.raises(InvalidUsage, match=r"uses chart raylens-0\.1\.0, this is raylens-0\.2\.0"):
        scale(helm)
    assert len(helm.revisions) == 1


def test_a_suspended_release_has_the_bounds_but_does_not_become_ready() -> None:
    helm = FakeHelm(revisions("deployed"))
    with pytest.raises(ReleaseNotReady) as raised:
        scale(helm)
    assert raised.value.code == 13
    assert helm.upgrade_options == ("--reset-then-reuse-values", "--no-hooks"), "the database is not migrated"


def test_finds_the_group_by_name(raylens: Raylens) -> None:
    put(raylens)
    scaling.patch_bounds(release(raylens), "raylens-abcde", WANTED)
    assert worker_bounds(live(raylens)) == WANTED
    assert live(raylens)[0].get("minReplicas", 0) == 0, "another group stays as it is"


def test_conflict_in_every_attempt(raylens: Raylens) -> None:
    put(raylens)
    raylens.server.fail_next("PATCH", "rayclusters", 409, times=scaling.PATCH_ATTEMPTS)
    with pytest.raises(ResourceConflict, match=f"in {scaling.PATCH_ATTEMPTS} attempts") as raised:
        scaling.patch_bounds(release(raylens), "raylens-abcde", WANTED)
    assert "run the command again" in raised.value.advice
    assert worker_bounds(live(raylens)) == WorkerBounds(2, 10)


def test_groups_are_reordered(raylens: Raylens, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patch tests the index of the group, and is retried."""
    put(raylens)
    patch = KubernetesApi.json_patch
    times: list[str] = []

    def patch_after_reordering(api: KubernetesApi, path: str, operations):
        if not times:
            (found,) = raylens.objects("RayCluster")
            found["spec"]["workerGroupSpecs"].reverse()
            raylens.server.store.put(found)
        times.append(path)
        return patch(api, path, operations)

    monkeypatch.setattr(KubernetesApi, "json_patch", patch_after_reordering)
    scaling.patch_bounds(release(raylens), "raylens-abcde", WANTED)
    assert len(times) == 2
    assert worker_bounds(live(raylens)) == WANTED
    assert live(raylens)[1]["groupName"] == "small"
    assert live(raylens)[1].get("maxReplicas") != 20


def test_deleted_cluster(raylens: Raylens) -> None:
    scaling.patch_bounds(release(raylens), "raylens-deleted", WANTED)


def test_unchanged_bounds(raylens: Raylens) -> None:
    put(raylens)
    scaling.patch_bounds(release(raylens), "raylens-abcde", WorkerBounds(2, 10))
    assert not any(method == "PATCH" for method, _ in raylens.server.requests)
