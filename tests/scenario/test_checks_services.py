"""Families, ranges, annotations and load balancers of Services: what is wrong, and what is worth knowing."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.model.services import Service
from dsflow.net.address import Address, Family
from tests.cases import AS_BUILT
from tests.scenario.helpers import built, problems, problems_of_text

BASE = AS_BUILT
OWN = "services.default/nginx"
NLB = "oci-network-load-balancer.oraclecloud.com"
BETA = "service.beta.kubernetes.io/oci-load-balancer"
NETWORK: dict[str, Any] = {"load_balancers.nginx.kind": "network"}


def findings(changes: dict[str, Any], *, network: bool = False) -> list[str]:
    found = built({**(NETWORK if network else {}), **changes}, BASE).findings
    return [str(finding).partition(": ")[2] for finding in found]


def saying(**values: str) -> dict[str, Any]:
    return {f"{OWN}.annotations": values}


HEADLESS = {"headless": True, "selector": {"app": "nginx"}, "ports": [{"port": 80}]}
IPV4, IPV6 = Address.parse("10.96.0.9"), Address.parse("fd00::9")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, (4, 6)),
        ({"cluster_ipv6": IPV6}, (6,)),
        ({"ip_family_policy": "SingleStack"}, (4,)),
        ({"ip_family_policy": "SingleStack", "ip_families": (Family.IPV6,)}, (6,)),
        ({"ip_family_policy": "SingleStack", "cluster_ipv6": IPV6}, (6,)),
        ({"ip_families": (Family.IPV6,)}, (6,)),
        ({"ip_families": (Family.IPV6, Family.IPV4)}, (6, 4)),
        ({"ip_family_policy": "PreferDualStack", "ip_families": (Family.IPV6,)}, (6, 4)),
        ({"ip_family_policy": "PreferDualStack", "cluster_ipv4": IPV4}, (4,)),
        ({"ip_family_policy": "PreferDualStack"}, (4, 6)),
        ({"ip_family_policy": "RequireDualStack", "ip_families": (Family.IPV6,)}, (6, 4)),
        ({"ip_family_policy": "RequireDualStack", "cluster_ipv4": IPV4, "cluster_ipv6": IPV6}, (4, 6)),
    ],
)
def test_the_families_that_a_service_serves(written: dict[str, Any], expected: tuple[int, ...]) -> None:
    """kubernetes.io/docs/concepts/services-networking/dual-stack."""
    assert Service(namespace="a", name="b", **written).families == expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"services.a/b": {**HEADLESS, "type": "NodePort"}}, "services.a/b.headless: true with type: NodePort: "),
        ({"services.a/b": {**HEADLESS, "cluster_ipv4": "10.96.0.9"}}, "services.a/b.headless: true beside a ClusterIP"),
        ({f"{OWN}.ip_families": ["ipv4", "ipv4"], f"{OWN}.cluster_ipv6": None}, f"{OWN}.ip_families: ipv4 twice: "),
        ({f"{OWN}.ip_families": ["ipv6"]}, f"{OWN}.cluster_ipv4: an IPv4 ClusterIP: expected ipv4 in ip_families"),
        ({f"{OWN}.ip_family_policy": "SingleStack"}, f"{OWN}.ip_family_policy: SingleStack with two ClusterIPs"),
        ({f"{OWN}.ip_family_policy": "RequireDualStack", f"{OWN}.cluster_ipv6": None},
         f"{OWN}.ip_family_policy: RequireDualStack with one ClusterIP: expected both, or none"),
        ({"services.a/b": {"ports": [{"port": 80}], "load_balancer_source_ranges": ["10.0.0.0/8"]}},
         "services.a/b.load_balancer_source_ranges: ranges with type: ClusterIP: expected type: LoadBalancer"),
        ({f"{OWN}.health_check_node_port": 30001},
         f"{OWN}.health_check_node_port: 30001 without type: LoadBalancer and external_traffic_policy: Local"),
        ({f"{OWN}.health_check_node_port": 31080, f"{OWN}.external_traffic_policy": "Local"},
         f"{OWN}.health_check_node_port: tcp/31080, which services.default/nginx has already"),
        ({"load_balancers.nginx.ipv4": None, "load_balancers.nginx.public_ipv4": None},
         "load_balancers.nginx: ipv4 is missing: expected an IPv4 address, which every flexible"),
        ({"load_balancers.nginx.is_fail_open": True}, "load_balancers.nginx.is_fail_open: true with kind: flexible"),
        ({"load_balancers.nginx.is_preserve_source_destination": True},
         "load_balancers.nginx: is_preserve_source_destination: true without appliances: expected appliances"),
        ({**NETWORK, "load_balancers.nginx.backends": "pods"},
         "load_balancers.nginx.backends: pods with kind: network, which the native ingress controller does not make: "
         "expected nodes"),
        ({**NETWORK, "profile": "article"}, "load_balancers.nginx.kind: network with profile: article"),
        ({f"{OWN}.ports": [{"port": 53, "protocol": "udp"}]}, f"{OWN}.ports[0]: udp/53 on a flexible load balancer"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(changes: dict[str, Any], told: str) -> None:
    lines = problems({"expect": [], **changes}, BASE)
    assert len(lines) == 1
    assert lines[0].startswith(told)


def test_problems_of_services_are_told_all_at_once_with_their_lines(tmp_path: Any) -> None:
    text = """apiVersion: dsflow/v1
name: x
profile: as-built
vcns: {v: {ipv4: [10.0.0.0/16]}}
subnets: {lb: {ipv4: 10.0.1.0/24}}
load_balancers:
  l: {kind: flexible, ipv4: 10.0.1.9, is_fail_open: true}
services:
  a/b: {headless: true, type: NodePort, ports: [{port: 80}]}
  a/c: {ip_families: [ipv6, ipv6], ports: [{port: 80}]}
"""
    told = problems_of_text(text, tmp_path)
    assert [line.partition(": ")[0] for line in told] == ["s.yaml:7", "s.yaml:9", "s.yaml:10"]


def test_annotations_that_do_nothing_or_contradict_are_found_with_their_keys() -> None:
    odd = {
        f"{BETA}-internal": "true",
        f"{BETA}-subnet1": "nodes",
        f"{BETA}-shape": "flexible",
        f"{BETA}-security-list-management-mode": "Some",
        f"{NLB}/backend-policy": "TWO_TUPLE",
        "oci.oraclecloud.com/load-balancer-typ": "lb",
        "example.com/owner": "nobody of Oracle's",
    }
    key = f"{OWN}.annotations"
    assert sorted(findings(saying(**odd))) == sorted(
        [
            f'{key}."{BETA}-internal": "true", but lb/nginx has the public address 203.0.113.20',
            f'{key}."{BETA}-subnet1": "nodes", but lb/nginx is in subnet/lb',
            f'{key}."{BETA}-shape": no effect here: it is not modelled',
            f'{key}."{BETA}-security-list-m…": "Some" is no mode: the controller takes All',
            f'{key}."{NLB}/backend-policy": no effect: it is for network load balancers, '
            "and lb/nginx is a flexible one",
            f'{key}."oci.oraclecloud.com/load-balancer-typ": the cloud controller knows no such annotation; '
            'did you mean "oci.oraclecloud.com/load-balancer-type" or "oci.oraclecloud.com/loadbalancer-policy"?',
        ]
    )


@pytest.mark.parametrize(
    ("network", "changes", "told"),
    [
        (False, saying(**{"oci.oraclecloud.com/load-balancer-type": "nlb"}), "asks for a network load balancer"),
        (False, saying(**{"oci.oraclecloud.com/load-balancer-type": "elb"}), '"elb" is no type'),
        (False, saying(**{f"{BETA}-backend-protocol": "UDP"}), "asks for UDP listeners"),
        (False, saying(**{f"{BETA}-internal": "no"}), "the controller takes true or false"),
        (False, saying(**{f"{BETA}-connection-proxy-protocol-version": "3"}), "the controller takes 1 or 2"),
        (False, saying(**{f"{BETA}-internal": "false"}) | {"load_balancers.nginx.public_ipv4": None},
         "has no public address"),
        (False, saying(**{f"{BETA}-subnet1": "ocid1.subnet.oc1..a"}), "no effect here: lb/nginx is in subnet/lb"),
        (False, saying(**{f"{BETA}-connection-proxy-protocol-version": "2", f"{BETA}-backend-protocol": "HTTP"}),
         "no effect with HTTP listeners"),
        (False, saying(**{f"{BETA}-security-list-management-mode": "All",
                               "oci.oraclecloud.com/security-rule-management-mode": "NSG"}), "no effect beside"),
        (True, saying(**{f"{NLB}/is-preserve-source": "true"}), "which the cloud controller refuses"),
        (True, saying(**{f"{NLB}/external-ip-only": "true"}) | {"load_balancers.nginx.public_ipv4": None},
         "no public address to list"),
        (True, saying(**{f"{NLB}/security-list-management-mode": "All"})
         | {f"{OWN}.ports": [{"port": 53, "protocol": "udp"}]}, "manages no security lists"),
        (True, {"subnets.nodes.ipv6": [], "nodes.node-1.ipv6": None, "nodes.node-2.ipv6": None,
                "nodes.node-3.ipv6": None}, "but subnet/nodes of the nodes no IPv6 prefix: no listener"),
        (True, {f"{OWN}.ip_family_policy": "PreferDualStack", "load_balancers.nginx.ipv6": None, "subnets.lb.ipv6": []},
         "PreferDualStack, but lb/nginx has no IPv6 address: subnet/lb has no IPv6 prefix"),
        (False, {f"{OWN}.ip_family_policy": "RequireDualStack", "load_balancers.nginx.ipv6": None,
                 "subnets.lb.ipv6": []}, "is RequireDualStack, but subnet/lb of lb/nginx has no IPv6 prefix"),
        (True, {f"{OWN}.ip_family_policy": "RequireDualStack", "subnets.nodes.ipv6": [], "nodes.node-1.ipv6": None,
                "nodes.node-2.ipv6": None, "nodes.node-3.ipv6": None},
         "is RequireDualStack, but subnet/nodes of the nodes has no IPv6 prefix"),
        (False, {f"{OWN}.ip_families": ["ipv4"], f"{OWN}.cluster_ipv6": None}, "which the Service does not serve"),
        (False, {f"{OWN}.load_balancer_source_ranges": ["10.0.0.0/8"]}, "no IPv6 range, so that IPv6 clients are kept"),
        (False, {f"{OWN}.ports": [{"port": 80, "target_port": "web"}]}, 'none of the 3 pods has a tcp port "web"'),
        (False, {"services.a/b": {"ports": [{"port": 1}], "selector": {"a": "b"}, "annotations":
                 {f"{BETA}-internal": "true"}}}, "no effect with type: ClusterIP"),
    ],
)  # fmt: skip
def test_what_is_worth_knowing_is_found(network: bool, changes: dict[str, Any], told: str) -> None:
    assert any(told in line for line in findings({"expect": [], **changes}, network=network))


def test_the_article_says_that_it_knows_no_annotations() -> None:
    found = [str(line) for line in built(saying(**{f"{BETA}-internal": "true"})).findings]
    assert len(found) == 1
    assert f"{OWN}.annotations: no effect with profile: article" in found[0]


def test_a_network_load_balancer_is_asked_for_by_an_annotation() -> None:
    """Without it, or with a typing error in it, the controller would build a flexible one."""
    told = "lb/nginx is a network one, but without the annotation oci.oraclecloud.com/load-balancer-type: nlb"
    missing = f"{OWN}: {told} the controller builds a flexible load balancer"
    assert findings({}, network=True) == [missing]
    typed = {f"{OWN}.annotations": {"oci.oraclecloud.com/load-balancer-typ": "nlb"}}
    assert missing in findings(typed, network=True)
    elsewhere = {f"{OWN}.annotations": {"oci-load-balancer.oraclecloud.com/internal": "true"}}
    assert any("knows no such annotation" in finding for finding in findings(elsewhere, network=True))
    right = {f"{OWN}.annotations": {"oci.oraclecloud.com/load-balancer-type": "nlb"}}
    assert findings(right, network=True) == []
