"""The network policy admits what Raylens needs, and the same addresses as the fetcher."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import pytest

from serve_app.fetch.addresses import AddressPolicy
from tests.kuberay.chart import EKS, Helm, Manifest, one, pods

PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1", "2a00:1450::1"]
NOT_PUBLIC = [
    "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "0.0.0.0",
    "168.63.129.16", "::1", "fd00:ec2::254", "fe80::1", "fc00::1", "2002:a00:1::1", "2001::1", "64:ff9b::a00:1",
]  # fmt: skip


def policy(manifests: list[Manifest], name: str = "raylens") -> dict[str, Any]:
    spec: dict[str, Any] = one(manifests, "NetworkPolicy", name)["spec"]
    return spec


def internet(spec: dict[str, Any]) -> dict[str, Any]:
    """The rule for public addresses."""
    (rule,) = (
        rule for rule in spec["egress"] if any("except" in peer.get("ipBlock", {}) for peer in rule.get("to", []))
    )
    return dict(rule)


def admits(rule: dict[str, Any], address: IPv4Address | IPv6Address) -> bool:
    return any(
        address in ip_network(peer["ipBlock"]["cidr"])
        and not any(address in ip_network(network) for network in peer["ipBlock"].get("except", []))
        for peer in rule["to"]
    )


@pytest.mark.parametrize("address", [*PUBLIC, *NOT_PUBLIC])
def test_image_urls_reach_the_fetchers_addresses(rendered, address: str) -> None:
    rule = internet(policy(rendered("eks-alb")))
    assert admits(rule, ip_address(address)) is (address in PUBLIC)
    assert AddressPolicy().allows(ip_address(address)) is (address in PUBLIC)


def edges(network: IPv4Network | IPv6Network) -> Iterator[IPv4Address | IPv6Address]:
    yield from (network[0], network[-1])
    for offset in (network.num_addresses // 3, network.num_addresses // 2):
        yield network[offset]


def test_no_address_of_the_fetcher_is_blocked(rendered) -> None:
    for peer in internet(policy(rendered("eks-alb")))["to"]:
        for network in map(ip_network, peer["ipBlock"]["except"]):
            reachable = [str(address) for address in edges(network) if AddressPolicy().allows(address)]
            assert reachable == [], network


def test_the_ports_of_image_urls_are_open(rendered) -> None:
    ports = {(port["port"], port.get("endPort")) for port in internet(policy(rendered("eks-alb")))["ports"]}
    assert ports == {(80, None), (443, None), (1024, 65535)}


def test_no_other_egress(rendered) -> None:
    spec = policy(rendered("eks-alb"))
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    ways = [
        {(port["port"], peer["ipBlock"]["cidr"]) for port in rule["ports"] for peer in rule["to"] if "ipBlock" in peer}
        for rule in spec["egress"]
        if "ports" in rule and rule != internet(spec)
    ]
    assert ways == [{(53, "169.254.20.10/32")}, {(3306, "10.42.0.0/16"), (6379, "10.42.0.0/16")}]


def test_only_the_head_reaches_kubernetes(rendered) -> None:
    spec = policy(rendered("eks-alb"), "raylens-autoscaler")
    assert spec["podSelector"]["matchLabels"].items() <= pods(rendered("eks-alb"))["head"]["metadata"]["labels"].items()
    assert {peer["ipBlock"]["cidr"] for rule in spec["egress"] for peer in rule["to"]} == {
        "10.42.0.0/16",
        "172.20.0.1/32",
    }


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"] for expression in selector.get("matchExpressions", [])
    )


def test_every_pod_has_a_policy(manifests: list[Manifest]) -> None:
    selectors = [m["spec"]["podSelector"] for m in manifests if m["kind"] == "NetworkPolicy"]
    for name, pod in pods(manifests).items():
        assert any(selects(selector, pod["metadata"]["labels"]) for selector in selectors), name


def test_selectors_match_pods(rendered) -> None:
    manifests = rendered("eks-alb")
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(manifests).items()}
    found = {
        kind: {name for name in labels if selects(one(manifests, kind)["spec"]["selector"], labels[name])}
        for kind in ("PodDisruptionBudget", "PodMonitor")
    }
    assert found == {"PodDisruptionBudget": {"workers"}, "PodMonitor": {"head", "workers"}}


def test_the_monitor_uses_existing_ports(rendered) -> None:
    manifests = rendered("eks-alb")
    ports = {
        port["name"]: port["containerPort"]
        for name in ("head", "workers")
        for port in pods(manifests)[name]["spec"]["containers"][0]["ports"]
    }
    scraped = {ports[endpoint["port"]] for endpoint in one(manifests, "PodMonitor")["spec"]["podMetricsEndpoints"]}
    (rule,) = (
        rule for rule in policy(manifests)["ingress"] if {"port": 8080, "protocol": "TCP"} in rule.get("ports", [])
    )
    assert {port["port"] for port in rule["ports"]} == scraped


def test_clients_can_be_restricted(helm: Helm) -> None:
    values = EKS.having(networkPolicy__clients__cidrs=["10.42.0.0/20"], networkPolicy__clients__namespace="edge")
    (rule,) = (
        rule
        for rule in policy(helm.template(values))["ingress"]
        if rule.get("ports") == [{"port": 8000, "protocol": "TCP"}]
    )
    assert rule["from"] == [
        {"ipBlock": {"cidr": "10.42.0.0/20"}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}}},
    ]


def test_others_reach_only_the_port_for_requests(helm: Helm) -> None:
    """In particular no replica, whose client addresses HAProxy determines, no statistics, and nothing of Ray."""
    values = EKS.having(networkPolicy__operatorNamespace="kuberay", networkPolicy__monitoringNamespace="monitoring")
    rules = policy(helm.template(values))["ingress"]
    ports: dict[str, set[int]] = {}
    for rule in rules:
        for peer in rule.get("from", [{}]):
            who = next(
                iter(peer.get("namespaceSelector", peer.get("podSelector", {})).get("matchLabels", {}).values()), ""
            )
            ports.setdefault(who, set()).update(port["port"] for port in rule.get("ports", []))
    assert ports == {
        "raylens": set(),  # the nodes of the cluster: all ports
        "": {8000},
        "kuberay": {8000, 8265, 52365},
        "monitoring": {8080, 9101, 44217, 44227},
    }
