"""The registry of named assumptions: what no source settles, the default taken, and what else could hold.

A rule that rests on one names it, and every chain lists the assumptions of the rules it met.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASSUMPTIONS", "Assumption"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One open question about a real network and the answer that dsflow takes.

    ``confidence`` is ``inferred`` where documentation points that way, ``unknown`` where none does.
    """

    id: str
    statement: str
    default: str
    alternatives: tuple[str, ...]
    confidence: str
    source: str

    @property
    def evidence(self) -> str:
        """What a rule that rests on it can claim: ``inferred`` or ``assumed``."""
        return "inferred" if self.confidence == "inferred" else "assumed"


_REGISTRY = (
    Assumption(
        id="vcn-lowers-ttl",
        statement="The VCN's router and the gateways each lower the TTL or hop limit by one when they route; "
        "inside one subnet nothing does.",
        default="lowers",
        alternatives=("leaves",),
        confidence="unknown",
        source="no OCI page states it; RFC 1812 section 5.3.1 asks it of any router",
    ),
    Assumption(
        id="fabric-sends-icmp-errors",
        statement="The VCN's router and the gateways answer an expired or oversized packet from inside the VCN with "
        "an ICMP error from the virtual router address of the sender's subnet.",
        default="sends",
        alternatives=("silent",),
        confidence="inferred",
        source="docs.oracle.com Network/Troubleshoot/connectionhang.htm (2024-10) relies on path MTU discovery; "
        "the sender's address is not documented",
    ),
    Assumption(
        id="igw-rewrites-at-edge",
        statement="A public IPv4 is exchanged for its private one at the Internet gateway, one to one, both ways.",
        default="at the gateway",
        alternatives=("at the VNIC",),
        confidence="inferred",
        source="docs.oracle.com Network/Tasks/managingIGs.htm (2026-09)",
    ),
    Assumption(
        id="nat-ports-per-destination",
        statement="The NAT gateway picks a free port from 1024-65535 for each destination address and port, and "
        "refuses a new connection when 20,000 to one destination are in use.",
        default="refuses",
        alternatives=("evicts the oldest", "drops silently at a shape-dependent number"),
        confidence="unknown",
        source="docs.oracle.com Network/Tasks/NATgateway.htm (2025-02) gives about 20,000; no page tells the policy",
    ),
    Assumption(
        id="node-masquerade-off",
        statement="A node does not masquerade ordinary pod egress, since pod addresses are routable in the VCN.",
        default="off",
        alternatives=("on",),
        confidence="inferred",
        source="docs.oracle.com ContEng contengpodnetworking_topic-OCI_CNI_plugin.htm (2026-09)",
    ),
    Assumption(
        id="kube-proxy-knows-pods",
        statement="kube-proxy tells pods of the cluster from other clients (a local traffic detector), so that under "
        "the policy Local a pod that asks a node port or a load balancer's address is led to any end point.",
        default="detects",
        alternatives=("does not detect",),
        confidence="unknown",
        source="kubernetes pkg/proxy/iptables/proxier.go; OKE's setting with VCN-native pods is not documented",
    ),
    Assumption(
        id="masqueraded-leaves-by-primary-vnic",
        statement="What a pod asks of a node port or a load balancer's address, and kube-proxy masquerades, leaves its "
        "node by the primary VNIC, whose address it gets.",
        default="primary VNIC",
        alternatives=("pod VNIC, with an address of that VNIC", "pod VNIC, where the source check would drop it"),
        confidence="unknown",
        source="which addresses OKE gives the interfaces of pod VNICs on the host is not documented",
    ),
    Assumption(
        id="service-answers-by-primary-vnic",
        statement="Answers of a connection that a node translated leave by its primary VNIC, whose address they bear.",
        default="primary VNIC",
        alternatives=("pod VNIC, where the source check would drop them",),
        confidence="inferred",
        source="the VNIC source check (Network/Tasks/managingVNICs.htm, 2026-09) leaves no other way",
    ),
    Assumption(
        id="pod-vnic-carries-pod-traffic",
        statement="A packet from a pod to another machine leaves through the VNIC of the pod's subnet.",
        default="pod VNIC",
        alternatives=("primary VNIC",),
        confidence="inferred",
        source="docs.oracle.com ContEng contengpodnetworking_topic-OCI_CNI_plugin.htm (2026-09)",
    ),
    Assumption(
        id="proxy-keeps-family",
        statement="The load balancer reaches the pod in the client's own family.",
        default="same family",
        alternatives=("always IPv4",),
        confidence="inferred",
        source='the article: "IPv6 Client -> LB IPv6 -> Pod IPv6"; Oracle documents IPv4 only for flexible '
        "load balancers (Network/Concepts/ipv6.htm, 2026-09), which the as-built profile will follow",
    ),
    Assumption(
        id="ipv4-private-in-internet",
        statement="The Internet beyond the gateways carries no packet to private address space.",
        default="drops",
        alternatives=("leaks",),
        confidence="inferred",
        source="RFC 1918 section 3, RFC 6598 section 4, RFC 4193 section 4.1",
    ),
    Assumption(
        id="sgw-latency-as-igw",
        statement="A service gateway costs as much time as an Internet gateway.",
        default="as igw",
        alternatives=("less",),
        confidence="unknown",
        source="no figure found",
    ),
    Assumption(
        id="drg-latency-as-igw",
        statement="A DRG costs as much time as an Internet gateway, and the line behind it takes none.",
        default="as igw",
        alternatives=("as the line's length and carrier make it",),
        confidence="unknown",
        source="no figure found",
    ),
    Assumption(
        id="lpg-latency-as-igw",
        statement="Each of the two local peering gateways of a peering costs as much time as an Internet gateway.",
        default="as igw",
        alternatives=("less",),
        confidence="unknown",
        source="no figure found",
    ),
)

ASSUMPTIONS: dict[str, Assumption] = {entry.id: entry for entry in _REGISTRY}
"""Every assumption by id."""
