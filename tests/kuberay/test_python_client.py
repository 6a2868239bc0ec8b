"""Kubernetes' own Python client at the tests' API server: what the deploy client builds on."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import Manifest

CLUSTERS = ("ray.io", "v1", "vision", "rayclusters")
CLUSTER: Manifest = {
    "apiVersion": "ray.io/v1",
    "kind": "RayCluster",
    "metadata": {"name": "one"},
    "spec": {"headGroupSpec": {"template": {"spec": {"containers": [{"name": "head", "image": "raylens:1"}]}}}},
}


@pytest.fixture
def api(api_server: ApiServer, tmp_path: Path) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(api_server.kubeconfig(tmp_path / "kubeconfig"))) as made:
        yield made


def test_custom_objects(api: client.ApiClient) -> None:
    objects = client.CustomObjectsApi(api)
    objects.create_namespaced_custom_object(*CLUSTERS, CLUSTER)
    patched = objects.patch_namespaced_custom_object(
        *CLUSTERS,
        "one",
        [{"op": "add", "path": "/spec/rayVersion", "value": "2.60.0"}],
        _content_type="application/json-patch+json",
    )
    assert patched["spec"]["rayVersion"] == "2.60.0"
    objects.patch_namespaced_custom_object_status(*CLUSTERS, "one", {"status": {"state": "ready"}})
    (found,) = objects.list_namespaced_custom_object(*CLUSTERS)["items"]
    assert (found["status"]["state"], found["metadata"]["generation"]) == ("ready", 2)
    with pytest.raises(ApiException) as refused:
        objects.replace_namespaced_custom_object(*CLUSTERS, "one", {**CLUSTER, "metadata": {"name": "one"}})
    assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in str(refused.value.body)


def test_watching_pods(api: client.ApiClient, api_server: ApiServer) -> None:
    core = client.CoreV1Api(api)
    container = client.V1Container(name="a", image="a:1")
    labels = {"app": "a"}
    pod = client.V1Pod(
        metadata=client.V1ObjectMeta(name="a", labels=labels), spec=client.V1PodSpec(containers=[container])
    )
    stream = watch.Watch()
    api_server.pods.fail("a", "Unschedulable")
    core.create_namespaced_pod("vision", pod)
    phases = []
    for event in itertools.islice(stream.stream(core.list_namespaced_pod, "vision", timeout_seconds=20), 10):
        phases.append(event["object"].status.phase)
        api_server.pods.heal()
        if phases[-1] == "Running":
            break
    assert phases[0] == "Pending"
    assert phases[-1] == "Running", "kubelet and scheduler work beside"
    api_server.pod_logs("vision", "a", "hello\n")
    assert core.read_namespaced_pod_log("a", "vision") == "hello\n"
    core.delete_collection_namespaced_pod("vision", label_selector="app=a")
    assert core.list_namespaced_pod("vision").items == []


def test_the_one_who_is_late_is_refused(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    made = core.create_namespaced_config_map("vision", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a")))
    core.patch_namespaced_config_map("a", "vision", {"data": {"key": "1"}})
    made.data = {"key": "2"}
    with pytest.raises(ApiException) as refused:
        core.replace_namespaced_config_map("a", "vision", made)
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")


def test_a_token(tmp_path: Path) -> None:
    with ApiServer(("vision",), token="right") as server:
        file = server.kubeconfig(tmp_path / "kubeconfig")
        with config.new_client_from_config(str(file)) as api:
            assert client.VersionApi(api).get_code().major == "1"
            server.revoke()
            with pytest.raises(ApiException) as refused:
                client.VersionApi(api).get_code()
            assert refused.value.status == 401
