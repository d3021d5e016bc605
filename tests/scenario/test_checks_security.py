"""What must hold of security lists, NSGs and NetworkPolicies, and what their author should know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.helpers import built, problems

FAR = {
    "vcns.far": {"ipv4": ["10.9.0.0/16"]},
    "subnets.far": {"vcn": "far", "ipv4": "10.9.1.0/24"},
    **{f"{kind}.{name}.vcn": "oke" for kind, name in (("gateways", "igw"), ("gateways", "nat"))},
    **{f"route_tables.{name}.vcn": "oke" for name in ("nodes", "pods", "lb")},
    **{f"subnets.{name}.vcn": "oke" for name in ("nodes", "pods", "lb")},
}


def findings(changes: dict[str, Any]) -> list[str]:
    return [str(finding).partition(": ")[2] for finding in built(changes).findings]


def test_lists_and_groups_exist_and_are_of_the_vnics_own_vcn() -> None:
    """All of what is wrong is told at once."""
    changes = {
        **FAR,
        "security_lists": {"far": {"vcn": "far"}, "here": {"vcn": "oke"}},
        "nsgs": {"far": {"vcn": "far"}, "web": {"vcn": "oke", "ingress": [{"from": "nsg/far"}, {"from": "nsg/wbe"}]}},
        "subnets.pods.security_lists": ["here", "far", "hree"],
        "nodes.node-1.nsgs": ["web", "far"],
        "nodes.node-1.pod_nsgs": ["wbe"],
        "load_balancers.nginx.nsgs": ["far"],
    }
    of_far = 'far", which is of VCN far: expected one of VCN oke, like the VNIC'
    assert sorted(problems(changes)) == sorted(
        [
            f'subnets.pods.security_lists[1]: "{of_far}',
            'subnets.pods.security_lists[2]: "hree": there is no security list of that name; did you mean "here"?',
            f'nodes.node-1.nsgs[1]: "{of_far}',
            'nodes.node-1.pod_nsgs[0]: "wbe": there is no NSG of that name; did you mean "web"?',
            f'load_balancers.nginx.nsgs[0]: "{of_far}',
            f'nsgs.web.ingress[0].from: "{of_far}',
            'nsgs.web.ingress[1].from: "wbe": there is no NSG of that name; did you mean "web"?',
        ]
    )


def test_a_rule_is_about_something_that_there_can_be() -> None:
    rules = [
        {"from": "0.0.0.0/0", "protocol": "icmp", "dport": 80},
        {"from": "0.0.0.0/0", "protocol": "tcp", "icmp_type": 8},
        {"from": "0.0.0.0/0", "protocol": "icmp", "icmp_code": 4},
        {"from": "::/0", "protocol": "icmp"},
        {"from": "0.0.0.0/0", "protocol": "icmpv6"},
        {"from": "all-services"},
        {"from": "10.0.0.0/33"},
        {"from": "0.0.0.0/0", "protocol": "sctp"},
        {"from": "::/0", "protocol": 1},
    ]
    told = problems({"nsgs": {"web": {"ingress": rules}}})
    path = "nsgs.web.ingress"
    families = "prefix: the families of a rule must agree"
    assert f"{path}[0].dport: a port with protocol: icmp: expected protocol: tcp or udp beside it" in told
    assert f"{path}[1].icmp_type: icmp_type with protocol: tcp: expected protocol: icmp or icmpv6 beside it" in told
    assert f"{path}[2].icmp_code: icmp_code without icmp_type: expected the type whose code it is" in told
    assert f'{path}[3].from: "::/0" with protocol: icmp: expected an IPv4 {families}' in told
    assert f'{path}[4].from: "0.0.0.0/0" with protocol: icmpv6: expected an IPv6 {families}' in told
    assert f'{path}[5].from: "all-services": expected a prefix, nsg/NAME, the services at a service gateway' in told
    assert any(problem.startswith(f"{path}[6].from: ") for problem in told)
    assert any(problem.startswith(f"{path}[7].protocol: ") for problem in told)
    assert f'{path}[8].from: "::/0" with protocol: icmp: expected an IPv4 {families}' in told
    assert len(told) == len(rules)


def test_groups_at_an_interface_that_is_no_vnic() -> None:
    changes = {"nsgs": {"a": {}}, "devices.files.interfaces.e0.nsgs": ["a"]}
    expected = "nsgs at an interface that is no VNIC: expected link: subnet/NAME, or no nsgs"
    assert problems(changes, "onprem-firewall") == [f"devices.files.interfaces.e0.nsgs: {expected}"]


def test_more_rules_than_oci_takes_are_findings() -> None:
    """The limits of IPv6 are lower, and those of a group are for both sides together."""

    def many(count: int, end: str, prefix: str) -> list[dict[str, str]]:
        return [{end: prefix} for _ in range(count)]

    changes = {
        "security_lists": {
            "fits": {"ingress": many(150, "from", "10.0.0.0/8") + many(50, "from", "fd00::/8")},
            "long": {"ingress": many(201, "from", "10.0.0.0/8"), "egress": many(51, "to", "fd00::/8")},
        },
        "nsgs": {
            "fits": {"ingress": many(104, "from", "10.0.0.0/8"), "egress": many(16, "to", "fd00::/8")},
            "long": {"ingress": many(104, "from", "10.0.0.0/8"), "egress": many(17, "to", "fd00::/8")},
            **{f"n{number}": {} for number in range(6)},
        },
        "nodes.node-1.nsgs": [f"n{number}" for number in range(6)],
    }
    assert findings(changes) == [
        "security_lists.long: 201 ingress rules, of which OCI takes 200 at most",
        "security_lists.long: 51 IPv6 egress rules, of which OCI takes 50 at most",
        "nsgs.long: 121 ingress and egress rules, of which OCI takes 120 at most",
        "nsgs.long: 17 IPv6 ingress and egress rules, of which OCI takes 16 at most",
        "nodes.node-1.nsgs: 6 of them, of which OCI takes 5 for a VNIC at most",
    ]


def test_a_subnet_without_lists_beside_others_that_have_some() -> None:
    note = "no security_lists, unlike other subnets of its VCN: VNICs without NSGs let everything through here"
    changes = {"security_lists": {"a": {}}, "subnets.pods.security_lists": ["a"], "subnets.lb.security_lists": []}
    assert findings(changes) == [f"subnets.nodes: {note}"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            {"from": [{}]},
            "from[0]: an end that says nothing: expected ip_block, namespace_selector, pod_selector, or both",
        ),
        (
            {"from": [{"ip_block": {"cidr": "10.0.0.0/8"}, "pod_selector": {}}]},
            "from[0]: an ip_block beside a selector: expected one or the other; two ends are two entries",
        ),
        (
            {"from": [{"ip_block": {"cidr": "0.0.0.0/0", "except": ["a000:800::/32"]}}]},
            'from[0].ip_block.except[0]: "a000:800::/32": expected an IPv4 prefix like its cidr',
        ),
        (
            {"from": [{"ip_block": {"cidr": "::/0", "except": ["172.21.0.0/16"]}}]},
            'from[0].ip_block.except[0]: "172.21.0.0/16": expected an IPv6 prefix like its cidr',
        ),
        (
            {"from": [{"ip_block": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]},
            'from[0].ip_block.except[0]: "10.0.0.0/8": expected a smaller prefix inside 10.0.0.0/8',
        ),
        ({"ports": [{"end_port": 90}]}, "ports[0].end_port: end_port without the number of a port: expected port: "),
        ({"ports": [{"port": "web", "end_port": 90}]}, "ports[0].end_port: end_port without the number of a port"),
        ({"ports": [{"port": 91, "end_port": 90}]}, "ports[0].end_port: 90 after port: 91: expected the last port of"),
        (
            {"from": [{"pod_selector": {"match_expressions": [{"key": "a", "operator": "In"}]}}]},
            "from[0].pod_selector.match_expressions[0]: operator: In without values: expected at least one value",
        ),
        (
            {"from": [{"pod_selector": {"match_expressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}}]},
            "from[0].pod_selector.match_expressions[0]: operator: Exists with values: expected none",
        ),
    ],
)
def test_what_kubernetes_would_not_take(rule: dict[str, Any], told: str) -> None:
    found = problems({"network_policies": {"default/p": {"ingress": [rule]}}})
    assert len(found) == 1
    assert found[0].startswith(f"network_policies.default/p.ingress[0].{told}")


def test_policies_of_both_families_are_two_ends() -> None:
    """As in the recipes of policies that mix them: allowed one beside the other."""
    ends = [{"ip_block": {"cidr": "0.0.0.0/0"}}, {"ip_block": {"cidr": "::/0", "except": ["2001:db8::/32"]}}]
    rule = {"from": ends, "ports": [{"port": 53, "protocol": "udp"}]}
    assert findings({"network_policies": {"kube-system/p": {"ingress": [rule]}}}) == []


def test_policies_without_effect_are_findings() -> None:
    nobody = {"pod_selector": {"match_labels": {"app": "nobody"}}}
    changes = {
        "network_policies": {
            "default/nobody": nobody,
            "quiet/all": {},
            "kube-system/host": {"pod_selector": {"match_labels": {"k8s-app": "kube-proxy"}}},
            "default/sides": {"policy_types": ["Ingress"], "egress": [{}]},
        },
        "pods.kube-system/kube-proxy-pb427.labels": {"k8s-app": "kube-proxy"},
    }
    assert findings(changes) == [
        "network_policies.default/nobody: it selects no pod of namespace default",
        "network_policies.quiet/all: it selects no pod of namespace quiet",
        "network_policies.kube-system/host: all pods that it selects have their node's addresses, which no "
        "NetworkPolicy isolates",
        "network_policies.default/sides.egress: no effect without Egress in policy_types",
    ]
