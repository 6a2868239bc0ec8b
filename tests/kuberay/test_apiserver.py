"""The tests' API server, held to what is documented of the real one, so that nobody has to believe it.

Taken from kubernetes.io/docs: *Kubernetes API concepts* (lists in pages, watches, bookmarks, 410, dry run, resource
versions), *Server-Side Apply* (owners, conflicts, what is dropped), *Update API Objects in Place Using kubectl patch*
(the example of a strategic merge patch), *Finalizers* and *Garbage Collection*, *Extend the Kubernetes API with
CustomResourceDefinitions* (pruning, defaulting, immutable fields); RFC 6902 and 7386 for the other patches.
"""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.apiserver.patches import json_patched, merge_patched
from tests.kuberay.apiserver.refusal import Refused
from tests.kuberay.chart import Manifest

CONFIG_MAPS = "/api/v1/namespaces/vision/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/vision/deployments"
CRONTABS = "/apis/stable.example.com/v1/namespaces/vision/crontabs"
APPLY = {"Content-Type": "application/apply-patch+yaml"}
MERGE = {"Content-Type": "application/merge-patch+json"}

CRON = r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"

CRONTAB: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "crontabs.stable.example.com"},
    "spec": {
        "group": "stable.example.com",
        "scope": "Namespaced",
        "names": {"plural": "crontabs", "singular": "crontab", "kind": "CronTab"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "cronSpec": {
                                        "type": "string",
                                        "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$",
                                    },
                                    "replicas": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
                                },
                            },
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def http(api_server: ApiServer):
    with httpx.Client(base_url=api_server.url, headers={"User-Agent": "tester/1"}) as client:
        yield client


def config_map(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(**pod: Any) -> Manifest:
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "patch-demo"}, "spec": spec}


def test_a_list_in_pages(http: httpx.Client, api_server: ApiServer) -> None:
    for number in range(5):
        http.post(CONFIG_MAPS, json=config_map(f"c{number}"))
    first = http.get(CONFIG_MAPS, params={"limit": 2}).json()
    assert first["metadata"]["remainingItemCount"] == 3
    token = first["metadata"]["continue"]
    second = http.get(CONFIG_MAPS, params={"limit": 2, "continue": token}).json()
    assert [item["metadata"]["name"] for item in first["items"] + second["items"]] == ["c0", "c1", "c2", "c3"]
    api_server.store.compact()
    late = http.get(CONFIG_MAPS, params={"limit": 2, "continue": token})
    assert (late.status_code, late.json()["reason"]) == (410, "Expired")


def test_a_watch_goes_on_where_a_list_ended(http: httpx.Client, api_server: ApiServer) -> None:
    http.post(CONFIG_MAPS, json=config_map("before"))
    version = http.get(CONFIG_MAPS).json()["metadata"]["resourceVersion"]
    http.post(CONFIG_MAPS, json=config_map("a", key="1"))
    http.patch(f"{CONFIG_MAPS}/a", json={"data": {"key": "2"}}, headers=MERGE)
    http.delete(f"{CONFIG_MAPS}/a")
    query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "0.1", "allowWatchBookmarks": "true"}
    events = [_read(line) for line in http.get(CONFIG_MAPS, params=query).text.splitlines()]
    assert [kind for kind, _ in events] == ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    versions = [int(told["metadata"]["resourceVersion"]) for _, told in events]
    assert versions == sorted(versions)
    api_server.store.compact()
    ((kind, told),) = [_read(line) for line in http.get(CONFIG_MAPS, params=query).text.splitlines()]
    assert (kind, told["code"], told["reason"]) == ("ERROR", 410, "Expired")


def _read(line: str) -> tuple[str, Manifest]:
    event = json.loads(line)
    return event["type"], event["object"]


def test_a_watch_by_label_tells_what_leaves_it(http: httpx.Client) -> None:
    made = config_map("a")
    made["metadata"]["labels"] = {"app": "a"}
    version = http.post(CONFIG_MAPS, json=made).json()["metadata"]["resourceVersion"]
    http.patch(f"{CONFIG_MAPS}/a", json={"metadata": {"labels": {"app": "b"}}}, headers=MERGE)
    query = {"watch": "1", "resourceVersion": version, "labelSelector": "app in (a)", "timeoutSeconds": "0.1"}
    assert [_read(line)[0] for line in http.get(CONFIG_MAPS, params=query).text.splitlines()] == ["DELETED"]


def test_an_old_resource_version_is_a_conflict(http: httpx.Client) -> None:
    old = http.post(CONFIG_MAPS, json=config_map("a")).json()
    new = http.put(f"{CONFIG_MAPS}/a", json={**old, "data": {"key": "1"}}).json()
    assert new["metadata"]["resourceVersion"] > old["metadata"]["resourceVersion"]
    stale = http.put(f"{CONFIG_MAPS}/a", json={**old, "data": {"key": "2"}})
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in stale.json()["message"]
    same = http.put(f"{CONFIG_MAPS}/a", json=new).json()
    assert same["metadata"]["resourceVersion"] == new["metadata"]["resourceVersion"], "nothing was written"


def test_statuses_are_worded_as_those_of_the_real_server(http: httpx.Client) -> None:
    gone = http.get(f"{DEPLOYMENTS}/x")
    assert gone.json()["message"] == 'deployments.apps "x" not found'
    assert gone.json()["details"] == {"name": "x", "group": "apps", "kind": "deployments"}
    http.post(CONFIG_MAPS, json=config_map("a"))
    twice = http.post(CONFIG_MAPS, json=config_map("a"))
    assert (twice.status_code, twice.json()["message"]) == (409, 'configmaps "a" already exists')
    nowhere = http.post("/api/v1/namespaces/nowhere/configmaps", json=config_map("a"))
    assert (nowhere.status_code, nowhere.json()["message"]) == (404, 'namespaces "nowhere" not found')
    named = http.post(CONFIG_MAPS, json=config_map("Not_a_name"))
    assert (named.status_code, named.json()["reason"]) == (422, "Invalid")
    assert http.post(CONFIG_MAPS, content=b"{").status_code == 400
    kind = http.post(DEPLOYMENTS, json=deployment(containers="none"))
    assert "cannot be handled as a Deployment: json: cannot unmarshal string" in kind.json()["message"]


def test_names_are_made_and_secrets_encoded(http: httpx.Client) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "s-"}, "stringData": {"key": "value"}}
    made = http.post("/api/v1/namespaces/vision/secrets", json=secret).json()
    assert made["metadata"]["name"].startswith("s-")
    assert base64.b64decode(made["data"]["key"]) == b"value"
    assert made["type"] == "Opaque"


def test_the_documented_strategic_merge_patch(http: httpx.Client) -> None:
    """Containers are merged by their name, tolerations replaced: the patch-demo of the docs."""
    container = {"name": "patch-demo-ctr", "image": "nginx"}
    taint = {"effect": "NoSchedule", "key": "dedicated", "value": "test-team"}
    http.post(DEPLOYMENTS, json=deployment(containers=[container], tolerations=[taint]))
    other = {"effect": "NoSchedule", "key": "disktype", "value": "ssd"}
    more = {"name": "patch-demo-ctr-2", "image": "redis"}
    patch = {"spec": {"template": {"spec": {"containers": [more], "tolerations": [other]}}}}
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    pod = http.patch(f"{DEPLOYMENTS}/patch-demo", json=patch, headers=strategic).json()["spec"]["template"]["spec"]
    assert {one["name"] for one in pod["containers"]} == {"patch-demo-ctr", "patch-demo-ctr-2"}
    assert pod["tolerations"] == [other]
    drop = {"spec": {"template": {"spec": {"containers": [{"name": "patch-demo-ctr-2", "$patch": "delete"}]}}}}
    pod = http.patch(f"{DEPLOYMENTS}/patch-demo", json=drop, headers=strategic).json()["spec"]["template"]["spec"]
    assert [one["name"] for one in pod["containers"]] == ["patch-demo-ctr"]


def test_patches_of_the_rfcs() -> None:
    """RFC 7386, appendix A; RFC 6902, appendix A."""
    assert merge_patched({"a": [{"b": "c"}]}, {"a": [1]}) == {"a": [1]}
    assert merge_patched({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}) == {"a": {"b": "d"}}
    assert merge_patched({}, {"a": {"bb": {"ccc": None}}}) == {"a": {"bb": {}}}
    assert json_patched({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}]) == {
        "foo": ["bar", "qux", "baz"]
    }
    assert json_patched({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}]) == {"/": 9, "~1": 10}
    moved = [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}]
    assert json_patched({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {}}, moved)["qux"] == {"thud": "fred"}
    with pytest.raises(Refused):
        json_patched({"foo": "bar"}, [{"op": "test", "path": "/foo", "value": "bar2"}])


def test_apply_drops_what_is_no_longer_wanted(http: httpx.Client) -> None:
    """Unless another manager owns it as well; the shared field goes with the last one."""
    url = f"{CONFIG_MAPS}/a"
    http.patch(url, params={"fieldManager": "one"}, json=config_map("a", mine="1", ours="1"), headers=APPLY)
    made = http.patch(url, params={"fieldManager": "two"}, json=config_map("a", ours="1"), headers=APPLY)
    assert {entry["manager"] for entry in made.json()["metadata"]["managedFields"]} == {"one", "two"}
    left = http.patch(url, params={"fieldManager": "one"}, json=config_map("a", new="1"), headers=APPLY).json()
    assert left["data"] == {"ours": "1", "new": "1"}
    assert left["metadata"]["managedFields"][0]["fieldsV1"] == {"f:data": {"f:new": {}}}
    clash = http.patch(url, params={"fieldManager": "two"}, json=config_map("a", new="2"), headers=APPLY)
    assert clash.json()["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.new"}
    ]


def test_a_definition_is_held_to(http: httpx.Client) -> None:
    """CronTab of the docs: what it does not know is pruned, what has a default is set, the rest refused."""
    assert http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=CRONTAB).status_code == 201
    made = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": "my-new-cron-object"}}
    wrong = http.post(CRONTABS, json={**made, "spec": {"cronSpec": "* * * *", "replicas": 15}})
    assert wrong.status_code == 422
    assert "spec.cronSpec in body should match" in wrong.json()["message"]
    assert "spec.replicas in body should be less than or equal to 10" in wrong.json()["message"]
    right = http.post(CRONTABS, json={**made, "spec": {"cronSpec": "* * * * */5", "someRandomField": 42}})
    assert right.json()["spec"] == {"cronSpec": "* * * * */5", "replicas": 1}
    assert right.headers["Warning"] == '299 - "unknown field \\"spec.someRandomField\\""'
    strict = http.post(CRONTABS, params={"fieldValidation": "Strict"}, json={**made, "spec": {"someRandomField": 42}})
    assert 'strict decoding error: unknown field "spec.someRandomField"' in strict.json()["message"]


def test_what_was_wrong_before_is_no_hindrance(http: httpx.Client, api_server: ApiServer) -> None:
    """Validation ratcheting: an object that was there before its definition grew stricter can be edited elsewhere."""
    http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=CRONTAB)
    old = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": "a", "namespace": "vision"}}
    api_server.store.put({**old, "spec": {"replicas": 99}})
    assert http.patch(f"{CRONTABS}/a", json={"spec": {"cronSpec": "* * * * *"}}, headers=MERGE).status_code == 200
    assert http.patch(f"{CRONTABS}/a", json={"spec": {"replicas": 98}}, headers=MERGE).status_code == 422


def test_status_and_wish_are_apart(http: httpx.Client) -> None:
    http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=CRONTAB)
    made = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": "a"}}
    first = http.post(CRONTABS, json={**made, "spec": {"replicas": 1}, "status": {"told": 1}}).json()
    assert "status" not in first
    patch = {"spec": {"replicas": 5}, "status": {"told": 2}}
    told = http.patch(f"{CRONTABS}/a/status", json=patch, headers=MERGE).json()
    assert (told["spec"]["replicas"], told["status"], told["metadata"]["generation"]) == (1, {"told": 2}, 1)
    wished = http.patch(f"{CRONTABS}/a", json={**patch, "status": {"told": 3}}, headers=MERGE).json()
    assert (wished["spec"]["replicas"], wished["status"], wished["metadata"]["generation"]) == (5, {"told": 2}, 2)


def test_finalizers_keep_an_object(http: httpx.Client) -> None:
    made = config_map("a")
    made["metadata"]["finalizers"] = ["kubernetes.io/pv-protection"]
    http.post(CONFIG_MAPS, json=made)
    assert "deletionTimestamp" in http.delete(f"{CONFIG_MAPS}/a").json()["metadata"]
    http.patch(f"{CONFIG_MAPS}/a", json={"metadata": {"finalizers": None}}, headers=MERGE)
    assert http.get(f"{CONFIG_MAPS}/a").status_code == 404


@pytest.mark.parametrize(("policy", "left"), [("Background", 404), ("Foreground", 404), ("Orphan", 200)])
def test_what_belongs_to_an_object(http: httpx.Client, policy: str, left: int) -> None:
    owner = http.post(CONFIG_MAPS, json=config_map("owner")).json()
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    made = config_map("owned")
    made["metadata"]["ownerReferences"] = [reference]
    http.post(CONFIG_MAPS, json=made)
    assert http.delete(f"{CONFIG_MAPS}/owner", params={"propagationPolicy": policy}).status_code == 200
    assert http.get(f"{CONFIG_MAPS}/owner").status_code == 404
    assert http.get(f"{CONFIG_MAPS}/owned").status_code == left


@pytest.mark.parametrize("aggregated", [True, False])
def test_discovery(http: httpx.Client, *, aggregated: bool) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    told = http.get("/apis", headers={"Accept": accept if aggregated else "application/json"}).json()
    if aggregated:
        groups = {item["metadata"]["name"]: item["versions"][0]["version"] for item in told["items"]}
    else:
        groups = {item["name"]: item["preferredVersion"]["version"] for item in told["groups"]}
    assert groups["ray.io"] == "v1"
    assert groups["autoscaling"] == "v2"


def test_failures_that_were_ordered(http: httpx.Client, api_server: ApiServer) -> None:
    api_server.fail_next("GET", "/configmaps", 403, "Forbidden", times=2)
    assert [http.get(CONFIG_MAPS).status_code for _ in range(3)] == [403, 403, 200]
