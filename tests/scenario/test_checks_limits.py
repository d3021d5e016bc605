"""Findings of networks that OCI would not build: rules, tables, addresses on VNICs, pods on nodes."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.model.cluster import Node
from tests.scenario.helpers import built

QUIET: dict[str, Any] = {"expect": [], "flows": []}


def findings(changes: dict[str, Any], base: str = "two-pods") -> list[str]:
    found = built(QUIET | changes, base).findings
    return [f"{finding.path}: {finding.found}" for finding in found]


def _prefixes(number: int, family: int) -> list[str]:
    if family == 4:
        return [f"203.{index >> 8}.{index & 255}.0/24" for index in range(number)]
    return [f"2001:db8:{index:x}::/48" for index in range(0x100, 0x100 + number)]


def test_prefixes_of_a_vcn() -> None:
    ipv4 = ["10.0.0.0/16", *(f"172.{number}.0.0/16" for number in range(16, 20))]
    assert findings({"vcns.lab.ipv4": ipv4}) == []
    assert findings({"vcns.lab.ipv4": [*ipv4, "172.20.0.0/16"]}) == [
        "vcns.lab.ipv4: 6 IPv4 prefixes, and OCI takes 5 in a VCN (its page of 2025; that of 2026 says 16)"
    ]


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "told"),
    [
        (150, 50, []),
        (151, 50, ["route_tables.many: 201 rules, and OCI takes 200 in a table"]),
        (1, 51, ["route_tables.many: 51 IPv6 rules, and OCI takes 50 in a table"]),
    ],
)
def test_rules_of_a_table(ipv4: int, ipv6: int, told: list[str]) -> None:
    rules = dict.fromkeys(_prefixes(ipv4, 4) + _prefixes(ipv6, 6), "igw/igw")
    changes = {"gateways.igw": {"kind": "internet"}, "route_tables.many": {"rules": rules}}
    assert findings(changes) == told


def test_tables_of_a_vcn() -> None:
    tables: dict[str, Any] = {f"route_tables.t{number}": {"rules": {}} for number in range(299)}  # and the subnets'
    assert findings(tables) == []
    assert findings(tables | {"route_tables.last": {"rules": {}}}) == [
        "vcns.lab: 301 route tables, and OCI takes 300 in a VCN"
    ]


@pytest.mark.parametrize(("family", "most"), [(4, 65), (6, 32)])
def test_addresses_of_a_devices_vnic(family: int, most: int) -> None:
    path = "devices.database.interfaces.vnic.addresses"
    other = {4: "2001:db8:7:8::5/64", 6: "10.0.8.5/24"}[family]
    own = {4: [f"10.0.8.{number}/24" for number in range(5, 200)], 6: [f"2001:db8:7:8::{n:x}/64" for n in range(5, 99)]}
    assert findings({path: [other, *own[family][:most]]}, "onprem-firewall") == []
    assert findings({path: [other, *own[family][: most + 1]]}, "onprem-firewall") == [
        f"{path}: {most + 1} IPv{family} addresses, and OCI takes {most} on a VNIC"
    ]


def _of_node(changes: dict[str, Any]) -> list[str]:
    return [line for line in findings(changes) if line.startswith("nodes.node-1")]


def test_pods_that_kubelet_does_not_run() -> None:
    """110 unless max_pods says another number; those on the host's network count too."""
    assert _of_node(_host_pods(109)) == []
    (line,) = _of_node(_host_pods(110))
    assert line.startswith("nodes.node-1: 111 pods, and its kubelet runs 110 (Kubernetes' own limit")
    (line,) = _of_node(_host_pods(10) | {"nodes.node-1.max_pods": 10})
    assert line == "nodes.node-1: 11 pods, and its kubelet runs 10 (as max_pods says)"


def _host_pods(number: int) -> dict[str, Any]:
    return {f"pods.default/h{index}": {"node": "node-1", "host_network": True} for index in range(number)}


def _addressed(number: int) -> dict[str, Any]:
    """So many pods beside the scenario's own one on node-1, with addresses of both families."""
    return {
        f"pods.default/p{index}": {"node": "node-1", "ipv4": f"10.0.2.{index}", "ipv6": f"fd00:10:0:2::{index:x}"}
        for index in range(100, 100 + number)
    }


@pytest.mark.parametrize(
    ("vnics", "pods", "families"), [(1, 31, []), (1, 32, [4]), (1, 33, [4, 6]), (2, 62, []), (2, 63, [4])]
)
def test_pods_for_which_the_vnics_have_no_address(vnics: int, pods: int, families: list[int]) -> None:
    """31 IPv4 addresses on each (2025), 32 of IPv6; where the number of VNICs is not said, nothing is."""
    found = _of_node(_addressed(pods - 1) | {"nodes.node-1.pod_vnics": vnics})
    assert [line.partition(" addresses")[0][-4:] for line in found] == [f"IPv{family}" for family in families]
    if 4 in families:
        assert f"nodes.node-1.pod_vnics: {pods} pods with IPv4 addresses, and room for {31 * vnics}: " in found[0]
        assert f"31 pod addresses per VNIC x {vnics} (32 addresses less its own" in found[0]
    assert _of_node(_addressed(pods - 1)) == []


def test_a_vnic_is_in_one_subnet() -> None:
    changes = {
        "subnets.more": {"ipv4": "10.0.77.0/24"},
        "pods.default/other": {"node": "node-1", "ipv4": "10.0.77.10"},
        "nodes.node-1.pod_vnics": 1,
    }
    (line,) = _of_node(changes)
    assert line == "nodes.node-1.pod_vnics: pods of 2 subnets, and a VNIC is in one subnet: 1 are too few"


def test_an_instance_takes_so_many_vnics() -> None:
    assert _of_node({"nodes.node-1.pod_vnics": 23}) == []
    (line,) = _of_node({"nodes.node-1.pod_vnics": 24})
    told = "24 beside the primary VNIC, and the flexible shapes take 24 in all"
    assert line == f"nodes.node-1.pod_vnics: {told}"


@pytest.mark.parametrize(
    ("max_pods", "pod_vnics", "capacity"),
    [(None, None, 110), (None, 1, 31), (None, 4, 110), (20, 1, 20), (250, 8, 248)],
)
def test_a_nodes_capacity_is_the_less_of_both(max_pods: int | None, pod_vnics: int | None, capacity: int) -> None:
    assert Node(name="n", subnet="s", max_pods=max_pods, pod_vnics=pod_vnics).pod_capacity == capacity


def test_a_node_without_a_pod_or_a_vnic_is_refused() -> None:
    """Both numbers begin at one."""
    with pytest.raises(Exception, match="max_pods"):
        built({"nodes.node-1.max_pods": 0}, "two-pods")
