import json
import threading

import pytest

from tests.kuberay.client.raylens import NAMESPACE, Raylens


@pytest.fixture
def pods(raylens: Raylens) -> Raylens:
    """A head with its autoscaler, two workers, and KubeRay's operator elsewhere."""
    for name, component, containers in (
        ("head-1", "head", ("ray-head", "autoscaler")),
        ("worker-1", "worker", ("ray-worker",)),
        ("worker-2", "worker", ("ray-worker",)),
    ):
        put(raylens, name, NAMESPACE, containers, {"raylens/instance": "raylens", "raylens/component": component})
        raylens.server.pod_logs(NAMESPACE, name, f"one of {name}\ntwo of {name}\n", container=containers[0])
    raylens.server.pod_logs(NAMESPACE, "head-1", "wants 3 workers\n", container="autoscaler")
    raylens.server.pod_logs(NAMESPACE, "worker-1", "Killed\n", container="ray-worker", previous=True)
    put(raylens, "operator-1", "kube-system", ("operator",), {"app.kubernetes.io/name": "kuberay-operator"})
    raylens.server.pod_logs("kube-system", "operator-1", "reconciled\n")
    return raylens


def put(raylens: Raylens, name: str, namespace: str, containers: tuple[str, ...], labels: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    spec = {"containers": [{"name": container, "image": "raylens"} for container in containers]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}}
    raylens.server.store.put(pod)


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("head", ["head-1  one of head-1", "head-1  two of head-1"]),
        ("autoscaler", ["head-1  wants 3 workers"]),
        ("operator", ["operator-1  reconciled"]),
        ("worker --tail 1", ["worker-1  two of worker-1", "worker-2  two of worker-2"]),
    ],
)
def test_whose_log(pods: Raylens, command: str, lines: list[str]) -> None:
    ended = pods.run("logs", *command.split())
    assert (ended.code, ended.out.splitlines()) == (0, lines)


def test_as_json(pods: Raylens) -> None:
    first, *_ = pods.run("logs", "worker", "--json").out.splitlines()
    assert json.loads(first) == {"pod": "worker-1", "text": "one of worker-1"}


def test_what_is_asked_of_the_cluster(pods: Raylens) -> None:
    pods.run("logs", "head", "--since", "10m", "--tail", "7")
    asked = next(url for _, url in pods.server.requests if "/log" in url)
    for part in ("sinceSeconds=600", "tailLines=7", "container=ray-head"):
        assert part in asked


def test_before_the_last_restart(pods: Raylens) -> None:
    ended = pods.run("logs", "worker", "--previous")
    assert "worker-1  Killed" in ended.out
    assert ended.code == 1, "the other worker never restarted"
    assert "previous terminated container" in ended.err


def test_following_all_workers_until_they_are_through(pods: Raylens) -> None:
    def go_on() -> None:
        pods.server.pod_logs(NAMESPACE, "worker-2", "three of worker-2\n", container="ray-worker")
        for pod in pods.objects("Pod"):
            pods.server.store.put({**pod, "status": {"phase": "Succeeded"}})

    threading.Timer(0.3, go_on).start()
    ended = pods.run("logs", "worker", "--follow")
    assert ended.code == 0
    assert {"worker-1  two of worker-1", "worker-2  three of worker-2"} <= set(ended.out.splitlines())


def test_no_such_pod(pods: Raylens) -> None:
    ended = pods.run("logs", "migration")
    assert ended.code == 5
    assert "a migration that succeeded leaves none" in ended.err
