"""The DRG of a VCN: the router between it and an on-premises network, for both families, without translation.

docs.oracle.com Network/Concepts/ipv6.htm (2026-09) for the families.  No page tells what a DRG does with a
packet that it has no way for; that it drops it in silence, as the VCN's own router does, is inferred.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.action import Action, Drop, Evidence, Forward, Neighbor, Rule, ToOwner
from dsflow.dataplane.common import fabric_forward, routes, single
from dsflow.dataplane.device import Device, Interface
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.fabric import virtual_router_addresses
from dsflow.dataplane.gateways import disabled, toll
from dsflow.dataplane.index import Index
from dsflow.dataplane.tables import Filter, RouteLookup
from dsflow.dataplane.wiring import Wiring
from dsflow.model.vcn import DrgRoute, DynamicRoutingGateway, Vcn
from dsflow.net.address import Family, Prefix

__all__ = ["compile_drg"]

_Rows = dict[Prefix, Action]


def compile_drg(gateway: DynamicRoutingGateway, index: Index, wiring: Wiring) -> Device:
    """A DRG: what comes from the VCN goes to the far side, what comes from there into the VCN."""
    vcn = index.topology.vcns[gateway.vcn]
    owners = {family: wiring.owners(gateway.id, gateway.link, family) for family in Family}
    inward, outward = _into_vcn(gateway, vcn, index), _far_side(gateway, owners)
    own: _Rows = {single(entry.address): _nobody_listens(gateway) for entry in gateway.addresses}
    returned: _Rows = dict.fromkeys(inward, _not_back(gateway, vcn))
    both_ways = routes((outward | inward | own).items(), _no_route(gateway))
    lookup = RouteLookup(
        tables={
            None: both_ways,
            vcn.id: routes((outward | returned | own).items(), _no_route(gateway)),
            gateway.link: routes((_imported(gateway, vcn, index) | inward | own).items(), _not_inside(vcn)),
        }
    )
    return Device(
        id=gateway.id,
        kind="drg",
        interfaces={vcn.id: Interface(name=vcn.id), gateway.link: _far_interface(gateway, owners, wiring)},
        receive=(Filter(rows=tuple(disabled(gateway)), stage="scope"), lookup),
        forward=fabric_forward(index.topology),
        send=(lookup,),
        icmp_sources=virtual_router_addresses(vcn, index),
        toll=toll("igw"),
        source=gateway.source,
    )


def _far_interface(
    gateway: DynamicRoutingGateway, owners: dict[Family, dict[int, Neighbor]], wiring: Wiring
) -> Interface:
    addresses = {
        int(family): tuple(entry.address.value for entry in gateway.addresses if entry.address.family is family)
        for family in Family
    }
    return Interface(
        name=gateway.link,
        addresses={family: values for family, values in addresses.items() if values},
        owners={int(family): found for family, found in owners.items()},
        peer=wiring.peer(gateway.id, gateway.link),
    )


def _into_vcn(gateway: DynamicRoutingGateway, vcn: Vcn, index: Index) -> _Rows:
    way = _enters(gateway, vcn, index, f"{{dst}} is inside {vcn.id}")
    return {prefix: way for family in Family for prefix in vcn.prefixes(family)}


def _imported(gateway: DynamicRoutingGateway, vcn: Vcn, index: Index) -> _Rows:
    """What the table of the attachment has rules for: a DRG always imports these (Oracle SDK, VcnRouteType)."""
    table = index.topology.route_tables.get(gateway.route_table or "")
    destinations = [rule.destination for rule in table.rules] if table else []
    way = _enters(gateway, vcn, index, f"{gateway.id} has imported a route for {{dst}} from its table in {vcn.id}")
    return {prefix: way for prefix in destinations if isinstance(prefix, Prefix)}


def _enters(gateway: DynamicRoutingGateway, vcn: Vcn, index: Index, why: str) -> Forward:
    rule = Rule(reason=why, assumption="drg-latency-as-igw")
    return Forward(rule, Neighbor(vcn.id, vcn.id, gateway.id, index.attachment(gateway)))


def _far_side(gateway: DynamicRoutingGateway, owners: dict[Family, dict[int, Neighbor]]) -> _Rows:
    """The prefixes on the far link, and those behind its routers."""
    rows: _Rows = {}
    for entry in gateway.addresses:
        rule = Rule(reason=f"{{dst}} is on the link of {gateway.id} ({entry.prefix})", assumption="drg-latency-as-igw")
        rows[entry.prefix] = ToOwner(rule, owners[entry.prefix.family], _no_neighbor(gateway, "{dst}", gateway.source))
    return rows | dict(_written(gateway, owners))


def _written(
    gateway: DynamicRoutingGateway, owners: dict[Family, dict[int, Neighbor]]
) -> Iterator[tuple[Prefix, Action]]:
    for number, route in enumerate(gateway.routes, start=1):
        way = owners[route.to.family].get(route.via.value)
        if way is None:
            yield route.to, _no_neighbor(gateway, str(route.via), route.source)
        else:
            yield route.to, Forward(_words(gateway, number, route), way, next_hop=route.via.value)


def _words(gateway: DynamicRoutingGateway, number: int, route: DrgRoute) -> Rule:
    return Rule(
        id=f"{gateway.id}/routes#{number}",
        reason=f"the longest match for {{dst}} in the routes of {gateway.id} is {route.to}, by {route.via}",
        source=route.source,
        assumption="drg-latency-as-igw",
    )


def _no_neighbor(gateway: DynamicRoutingGateway, next_hop: str, source: str) -> Drop:
    rule = Rule(
        id=gateway.id,
        reason=f"nobody on link {gateway.link} has {next_hop}: dropped in silence",
        source=source,
        evidence=Evidence.INFERRED,
        mend=f"give {next_hop} to a device on link {gateway.link}",
    )
    return Drop(rule, Disposition.NEIGHBOR_UNREACHABLE)


def _no_route(gateway: DynamicRoutingGateway) -> Drop:
    rule = Rule(
        id=gateway.id,
        reason=f"no route of {gateway.id} covers {{dst}}: dropped in silence",
        source=gateway.source,
        evidence=Evidence.INFERRED,
        mend=f"add a route for {{dst}} to gateways.{gateway.name}.routes",
    )
    return Drop(rule, Disposition.NO_ROUTE)


def _not_inside(vcn: Vcn) -> Drop:
    rule = Rule(
        reason=f"{{dst}} is not inside {vcn.id}, all that is reached from the far side: dropped in silence",
        evidence=Evidence.INFERRED,
    )
    return Drop(rule, Disposition.NO_ROUTE)


def _not_back(gateway: DynamicRoutingGateway, vcn: Vcn) -> Drop:
    rule = Rule(
        reason=f"{{dst}} is inside {vcn.id}, from where it came: {gateway.id} sends nothing back there",
        evidence=Evidence.INFERRED,
    )
    return Drop(rule, Disposition.NO_ROUTE)


def _nobody_listens(gateway: DynamicRoutingGateway) -> Drop:
    rule = Rule(
        reason=f"{{dst}} is an address of {gateway.id} itself, where nothing answers", evidence=Evidence.INFERRED
    )
    return Drop(rule, Disposition.NO_LISTENER)
