"""Where a scenario is larger than OCI lets a network be: findings, since limits are raised on request and by the year.

docs.oracle.com Network/Tasks/managingroutetables.htm (read 2025-03), Network/Concepts/ipv6.htm and
Network/Tasks/managingVNICs.htm (2026-09), ContEng contengpodnetworking_topic-OCI_CNI_plugin.htm (2026-09).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from dsflow.model.cluster import PODS_PER_VNIC, Node, Pod
from dsflow.model.topology import Topology
from dsflow.net.address import Family, Prefix
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = ["addresses_of_vnics", "pods_of_nodes", "prefixes_of_vcns", "route_tables_of_vcns", "rules_of_tables"]

PREFIXES_PER_VCN = 5
RULES_PER_TABLE = 200
IPV6_RULES_PER_TABLE = 50
TABLES_PER_VCN = 300
IPV6_PER_VNIC = 32
IPV4_PER_VNIC = 1 + 64
"""The primary address and, by the page of 2026, so many secondary ones; that of 2025 has 32 in all."""


def prefixes_of_vcns(topology: Topology, parsed: Parsed) -> None:
    """The prefixes of a VCN, of each family: Oracle's pages of 2025 and 2026 name two numbers."""
    for name, vcn in topology.vcns.items():
        for family in Family:
            number = len(vcn.prefixes(family))
            if number > PREFIXES_PER_VCN:
                told = f"{number} {family.title} prefixes, and OCI takes {PREFIXES_PER_VCN} in a VCN"
                parsed.note(("vcns", name, str(family)), f"{told} (its page of 2025; that of 2026 says 16)")


def rules_of_tables(topology: Topology, parsed: Parsed) -> None:
    """The rules of a table, of both families and of IPv6."""
    for name, table in topology.route_tables.items():
        ipv6 = sum(
            isinstance(to, Prefix) and to.family is Family.IPV6 for to in (rule.destination for rule in table.rules)
        )
        if len(table.rules) > RULES_PER_TABLE:
            parsed.note(("route_tables", name), f"{len(table.rules)} rules, and OCI takes {RULES_PER_TABLE} in a table")
        if ipv6 > IPV6_RULES_PER_TABLE:
            parsed.note(("route_tables", name), f"{ipv6} IPv6 rules, and OCI takes {IPV6_RULES_PER_TABLE} in a table")


def route_tables_of_vcns(topology: Topology, parsed: Parsed) -> None:
    """The tables of a VCN."""
    for name, number in Counter(table.vcn for table in topology.route_tables.values()).items():
        if number > TABLES_PER_VCN:
            parsed.note(("vcns", name), f"{number} route tables, and OCI takes {TABLES_PER_VCN} in a VCN")


def addresses_of_vnics(topology: Topology, parsed: Parsed) -> None:
    """The addresses of generic devices' VNICs; those of nodes follow from their pods."""
    for name, device in topology.devices.items():
        for key, interface in device.interfaces.items():
            if interface.subnet is None:
                continue
            for family, most in ((Family.IPV4, IPV4_PER_VNIC), (Family.IPV6, IPV6_PER_VNIC)):
                number = sum(entry.address.family is family for entry in interface.addresses)
                if number > most:
                    told = f"{number} {family.title} addresses, and OCI takes {most} on a VNIC"
                    parsed.note(("devices", name, "interfaces", key, "addresses"), told)


def pods_of_nodes(topology: Topology, parsed: Parsed) -> None:
    """What kubelet runs, and what a node's VNICs have addresses for, where their number is said."""
    pods: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in topology.pods.values():
        pods[pod.node].append(pod)
    for name, node in topology.nodes.items():
        if len(pods[name]) > node.most_pods:
            parsed.note(
                ("nodes", name), f"{len(pods[name])} pods, and its kubelet runs {node.most_pods} ({_why(node)})"
            )
        for path, told in _addresses_of_pods(node, [pod for pod in pods[name] if not pod.host_network]):
            parsed.note(path, told)


def _why(node: Node) -> str:
    if node.max_pods is not None:
        return "as max_pods says"
    whose = "OKE's limit of virtual nodes" if node.virtual else "Kubernetes' own limit"
    return f"{whose}; max_pods may say another"


_VNICS = 24
"""One an OCPU, at least 2 and at most so many (Compute/References/computeshapes.htm, VM.Standard.E4.Flex, 2026)."""


def _addresses_of_pods(node: Node, pods: list[Pod]) -> Iterator[tuple[Path, str]]:
    if node.pod_vnics is None:
        return
    path = ("nodes", node.name, "pod_vnics")
    if node.pod_vnics >= _VNICS:
        yield path, f"{node.pod_vnics} beside the primary VNIC, and the flexible shapes take {_VNICS} in all"
    subnets = len({pod.subnet for pod in pods})
    if subnets > node.pod_vnics:
        yield path, f"pods of {subnets} subnets, and a VNIC is in one subnet: {node.pod_vnics} are too few"
    for family, each, why in (
        (
            Family.IPV4,
            PODS_PER_VNIC,
            "32 addresses less its own; by OCI's page of 2026 64, by ipCount up to 256 a node",
        ),
        (Family.IPV6, IPV6_PER_VNIC, "OCI's limit"),
    ):
        number = sum(pod.address(family) is not None for pod in pods)
        if number > each * node.pod_vnics:
            most = f"{each} pod addresses per VNIC x {node.pod_vnics}"
            yield (
                path,
                f"{number} pods with {family.title} addresses, and room for {each * node.pod_vnics}: {most} ({why})",
            )
