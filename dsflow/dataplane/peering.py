"""Local peering gateways: two VCNs of a region joined, for both families, without translation.

docs.oracle.com Network/Tasks/localVCNpeering.htm (2025) and Network/Concepts/ipv6.htm (2026-09).  What a rule leads to
an LPG comes out of its peer; how it goes on there is the other VCN's business (:mod:`dsflow.dataplane.fabric`), which
without a table on the peer delivers inside that VCN and drops the rest: no transit.
"""

from __future__ import annotations

from dsflow.dataplane.action import Forward, Link, Neighbor, Rule
from dsflow.dataplane.common import fabric_forward, routes
from dsflow.dataplane.device import Device, Interface
from dsflow.dataplane.fabric import virtual_router_addresses
from dsflow.dataplane.gateways import disabled, toll
from dsflow.dataplane.index import VCN_MTU_BYTES, Index
from dsflow.dataplane.tables import Filter, RouteLookup
from dsflow.model.vcn import LocalPeeringGateway
from dsflow.net.address import Family

__all__ = ["compile_lpg"]


def compile_lpg(gateway: LocalPeeringGateway, index: Index) -> Device:
    """An LPG: what comes from its VCN goes to its peer, what comes from there into its VCN."""
    vcn = index.topology.vcns[gateway.vcn]
    inward, outward = _into_vcn(gateway, index), _to_peer(gateway)
    inside = [(prefix, inward) for family in Family for prefix in vcn.prefixes(family)]
    lookup = RouteLookup(
        tables={None: routes(inside, outward), vcn.id: routes((), outward), gateway.peer_id: routes((), inward)}
    )
    return Device(
        id=gateway.id,
        kind="lpg",
        interfaces={name: Interface(name=name) for name in (vcn.id, gateway.peer_id)},
        receive=(Filter(rows=tuple(disabled(gateway)), stage="scope"), lookup),
        forward=fabric_forward(index.topology),
        send=(lookup,),
        icmp_sources=virtual_router_addresses(vcn, index),
        toll=toll("igw"),
        source=gateway.source,
    )


def _into_vcn(gateway: LocalPeeringGateway, index: Index) -> Forward:
    vcn = index.topology.vcns[gateway.vcn]
    rule = Rule(reason=f"what {gateway.id} gets from its peer enters {vcn.id}", assumption="lpg-latency-as-igw")
    return Forward(rule, Neighbor(vcn.id, vcn.id, gateway.id, index.attachment(gateway)))


def _to_peer(gateway: LocalPeeringGateway) -> Forward:
    rule = Rule(
        id=f"{gateway.id}/peer",
        reason=f"what {gateway.id} gets from its VCN goes to its peer {gateway.peer_id}",
        source=gateway.source,
        assumption="lpg-latency-as-igw",
    )
    ends = "-".join(sorted((gateway.name, gateway.peer)))
    return Forward(
        rule,
        Neighbor(gateway.peer_id, gateway.peer_id, gateway.id, Link(id=f"peering/{ends}", mtu_bytes=VCN_MTU_BYTES)),
    )
