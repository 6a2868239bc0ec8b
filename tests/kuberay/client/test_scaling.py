"""Bounds on the cluster that runs, while others write it."""

import pytest

from kuberay import scaling
from kuberay.errors import Conflict
from kuberay.kubernetes_api import KubernetesApi
from kuberay.observation import Observer
from kuberay.release import Release
from kuberay.scaling import Bounds, bounds_of
from kuberay.target import Target
from tests.kuberay.client.raylens import NAMESPACE, Raylens
from tests.kuberay.client.test_commands import put
from tests.kuberay.client.test_release import Books
from tests.kuberay.client.test_waiting import Hand, Shown

WANTED = Bounds(3, 20)


def release(raylens: Raylens) -> Release:
    api = KubernetesApi(Target(namespace=NAMESPACE, kubeconfig=raylens.kubeconfig))
    return Release(Books(), Observer(api, "raylens"), Shown(), Hand())  # type: ignore[arg-type]


def live(raylens: Raylens):
    (found,) = raylens.objects("RayCluster")
    return found["spec"]["workerGroupSpecs"]


def test_the_group_is_found_by_its_name(raylens: Raylens) -> None:
    put(raylens)
    scaling._patch(release(raylens), "raylens-abcde", WANTED)
    assert bounds_of(live(raylens)) == WANTED
    assert live(raylens)[0].get("minReplicas", 0) == 0, "another group stays as it is"


def test_others_write_all_the_time(raylens: Raylens) -> None:
    put(raylens)
    raylens.server.fail_next("PATCH", "rayclusters", 409, "Conflict", times=scaling.TRIES)
    with pytest.raises(Conflict, match=f"in {scaling.TRIES} tries") as raised:
        scaling._patch(release(raylens), "raylens-abcde", WANTED)
    assert "run the command again" in raised.value.advice
    assert bounds_of(live(raylens)) == Bounds(2, 10)


def test_groups_change_places_meanwhile(raylens: Raylens, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a group is no name: the patch tests it, and is made anew."""
    put(raylens)
    patch = KubernetesApi.json_patch
    times: list[str] = []

    def late(api: KubernetesApi, path: str, operations):
        if not times:
            (found,) = raylens.objects("RayCluster")
            found["spec"]["workerGroupSpecs"].reverse()
            raylens.server.store.put(found)
        times.append(path)
        return patch(api, path, operations)

    monkeypatch.setattr(KubernetesApi, "json_patch", late)
    scaling._patch(release(raylens), "raylens-abcde", WANTED)
    assert len(times) == 2
    assert bounds_of(live(raylens)) == WANTED
    assert live(raylens)[1]["groupName"] == "small"
    assert live(raylens)[1].get("maxReplicas") != 20


def test_a_cluster_that_is_gone_needs_no_bounds(raylens: Raylens) -> None:
    scaling._patch(release(raylens), "raylens-gone", WANTED)


def test_nothing_to_do_writes_nothing(raylens: Raylens) -> None:
    put(raylens)
    scaling._patch(release(raylens), "raylens-abcde", Bounds(2, 10))
    assert not any(method == "PATCH" for method, _ in raylens.server.requests)
