"""What is no business of a VCN's Internet and NAT gateways: what comes from other networks, or is meant for them."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.action import Drop, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.match import Match
from dsflow.model.vcn import DynamicRoutingGateway, InternetGateway, LocalPeeringGateway, NatGateway, Vcn
from dsflow.net.address import Family, Prefix

__all__ = ["strangers"]


def strangers(gateway: InternetGateway | NatGateway, vcn: Vcn, index: Index) -> Iterator[tuple[Match, Drop]]:
    """The refusal of sources of other VCNs and of on-premises networks, where the VCN has a gateway to some.

    Both serve their own VCN alone (docs.oracle.com Network/Tasks/managingIGs.htm, 2026-09; NATgateway.htm, 2025-02).
    """
    for prefix in _beyond(vcn, index):
        rule = Rule(
            id=gateway.id,
            reason=f"{gateway.id} serves {vcn.id} alone, and the source {{src}} is in {prefix} of another network",
            source=gateway.source,
        )
        yield Match(src=prefix, in_interface=vcn.id), Drop(rule, Disposition.SCOPE_UNROUTABLE)
    for door, prefix in _reached(vcn, index):
        rule = Rule(
            id=gateway.id,
            reason=f"{{dst}} is in {prefix}, which {vcn.id} reaches by {door.id} and not by {gateway.id}",
            source=gateway.source,
            mend=f"lead {prefix} to {door.id} in the route table by which {{src}} is routed",
        )
        yield Match(dst=prefix, in_interface=vcn.id), Drop(rule, Disposition.SCOPE_UNROUTABLE)


def _beyond(vcn: Vcn, index: Index) -> Iterator[Prefix]:
    """The prefixes of other networks from which something can come; not those that hold the VCN's own."""
    doors = index.gateways_of(vcn.name)
    if any(isinstance(door, DynamicRoutingGateway | LocalPeeringGateway) for door in doors):
        others = [other for other in index.topology.vcns.values() if other is not vcn]
        yield from (prefix for other in others for family in Family for prefix in other.prefixes(family))
    for door in doors:
        if isinstance(door, DynamicRoutingGateway):
            yield from dict.fromkeys(entry.prefix for entry in door.addresses)
            yield from (route.to for route in door.routes if not _overlaps(route.to, vcn))


def _reached(vcn: Vcn, index: Index) -> Iterator[tuple[DynamicRoutingGateway | LocalPeeringGateway, Prefix]]:
    """The prefixes to which a gateway of the VCN leads: a peer's, and those behind a DRG but for a default route."""
    topology = index.topology
    for door in index.gateways_of(vcn.name):
        if isinstance(door, LocalPeeringGateway):
            peer = topology.vcns[topology.gateways[door.peer].vcn]
            yield from ((door, prefix) for family in Family for prefix in peer.prefixes(family))
        elif isinstance(door, DynamicRoutingGateway):
            yield from ((door, route.to) for route in door.routes if route.to.length and not _overlaps(route.to, vcn))


def _overlaps(prefix: Prefix, vcn: Vcn) -> bool:
    return any(prefix.overlaps(own) for own in vcn.prefixes(prefix.family))
