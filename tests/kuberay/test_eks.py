"""The files for EKS are consistent with each other and with the chart's values for EKS."""

from typing import Any

import yaml

from tests.kuberay.chart import CHART, EKS, Helm, one, pods
from tests.kuberay.programs import ROOT

FOLDER = ROOT / "kuberay" / "eks"


def objects(name: str) -> dict[str, dict[str, Any]]:
    """By name."""
    return {item["metadata"]["name"]: item for item in yaml.safe_load_all((FOLDER / name).read_text())}


CLUSTER = objects("cluster.yaml")["raylens"]
KARPENTER = objects("karpenter.yaml")


def values() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CHART / "values-eks.yaml").read_text())
    return document


def test_karpenter_selects_the_cluster() -> None:
    tag = CLUSTER["metadata"]["tags"]["karpenter.sh/discovery"]
    nodes = KARPENTER["raylens"]["spec"]
    assert tag == CLUSTER["metadata"]["name"]
    assert nodes["role"] == f"eksctl-KarpenterNodeRole-{tag}"
    for terms in ("subnetSelectorTerms", "securityGroupSelectorTerms"):
        assert nodes[terms][0]["tags"]["karpenter.sh/discovery"] == tag


def test_pods_match_their_node_pools(helm: Helm) -> None:
    templates = pods(helm.template(EKS))
    for name, component in (("raylens-head", "head"), ("raylens-workers", "workers")):
        pool = KARPENTER[name]["spec"]["template"]
        spec = templates[component]["spec"]
        assert pool["metadata"]["labels"].items() >= spec["nodeSelector"].items()
        assert pool["spec"]["taints"] == spec["tolerations"]
        assert pool["spec"]["nodeClassRef"]["name"] in KARPENTER


def test_the_pool_has_room_for_all_workers(helm: Helm) -> None:
    (group,) = one(helm.template(EKS), "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    cpus = int(group["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"])
    # A cluster upgrade runs the old and the new one side by side, at least with the fewest workers.
    most = cpus * (group["maxReplicas"] + group["minReplicas"])
    assert int(KARPENTER["raylens-workers"]["spec"]["limits"]["cpu"]) >= most


def test_the_head_is_not_disrupted() -> None:
    pool = KARPENTER["raylens-head"]["spec"]
    (capacity,) = (r for r in pool["template"]["spec"]["requirements"] if r["key"] == "karpenter.sh/capacity-type")
    assert capacity["values"] == ["on-demand"]
    assert pool["template"]["spec"]["expireAfter"] == "Never"
    assert values()["head"]["annotations"]["karpenter.sh/do-not-disrupt"] == "true"


def test_workers_drain_within_karpenters_grace_period(helm: Helm) -> None:
    grace = pods(helm.template(EKS))["workers"]["spec"]["terminationGracePeriodSeconds"]
    pool = KARPENTER["raylens-workers"]["spec"]
    assert grace < 60 * int(pool["template"]["spec"]["terminationGracePeriod"].removesuffix("m"))
    assert grace < 120, "the notice of a spot instance"
    assert pool["disruption"]["budgets"] == [{"nodes": "1"}]


def test_network_policies_are_enforced_and_name_the_vpc() -> None:
    (cni,) = (addon for addon in CLUSTER["addons"] if addon["name"] == "vpc-cni")
    assert yaml.safe_load(cni["configurationValues"])["enableNetworkPolicy"] == "true"
    policy = values()["networkPolicy"]
    vpc = CLUSTER["vpc"]["cidr"]
    assert policy["servers"]["cidrs"] == [vpc]
    assert vpc in policy["apiServer"]["cidrs"]


def test_the_spool_is_on_writable_shared_storage() -> None:
    storage = objects("storage.yaml")[values()["spool"]["storageClassName"]]
    assert storage["provisioner"] == "efs.csi.aws.com"
    assert storage["reclaimPolicy"] == "Retain"
    assert {addon["name"] for addon in CLUSTER["addons"]} >= {"aws-efs-csi-driver", "eks-pod-identity-agent"}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"USER {storage['parameters']['uid']}:{storage['parameters']['gid']}\n" in dockerfile


def test_no_access_keys() -> None:
    for path in (*FOLDER.iterdir(), *CHART.rglob("*.yaml")):
        text = path.read_text()
        assert "AKIA" not in text, path
        assert "aws_secret_access_key" not in text.lower(), path


def test_pods_cannot_read_node_credentials() -> None:
    assert KARPENTER["raylens"]["spec"]["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    for group in CLUSTER["managedNodeGroups"]:
        assert group["disableIMDSv1"]
        assert group["disablePodIMDS"]
