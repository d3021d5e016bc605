"""The fabric of a VCN: one virtual router that every subnet and gateway hangs on.

Behaviour from docs.oracle.com Network/Tasks/managingroutetables.htm (2025-03): a destination in the
sender's own subnet is reached directly and no rule can divert it; otherwise the longest prefix of the
sender's route table decides, a static rule before the implicit local one of equal length; what no rule
covers is dropped in silence.
"""

from __future__ import annotations

from dataclasses import replace

from dsflow.dataplane.action import Action, Delay, Drop, Evidence, Forward, Neighbor, Rule, ToOwner
from dsflow.dataplane.common import fabric_forward, routes
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.sources import IcmpSources
from dsflow.dataplane.tables import Returns, RouteLookup, Routes
from dsflow.model.cluster import Node
from dsflow.model.services import LoadBalancer
from dsflow.model.vcn import Gateway, RouteRule, ServiceGateway, Subnet, Vcn
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["compile_vcn", "virtual_router_addresses"]


def compile_vcn(vcn: Vcn, index: Index) -> Device:
    """The fabric: a routing table for each subnet, load balancer and gateway that hands it packets."""
    owners, fronts = _owners(vcn, index)
    local = {family: ToOwner(_local(vcn), owners[family], _ownerless(vcn)) for family in Family}
    inside = [(prefix, local[family]) for family in Family for prefix in vcn.prefixes(family)]
    between = routes(inside, _no_route_inside(vcn))
    tables: dict[str | None, Routes] = {None: between}
    for subnet in index.subnets_of(vcn.name):
        direct = {
            family: ToOwner(_same_subnet(subnet), owners[family], _ownerless(vcn), lowers=False) for family in Family
        }
        tables[subnet.id] = _subnet_routes(subnet, vcn, index, dict(inside), direct)
    tables |= dict.fromkeys((gateway.id for gateway in index.gateways_of(vcn.name)), between)
    tables |= {front: tables[f"subnet/{subnet}"] for front, subnet in fronts.items()}

    lookup = RouteLookup(tables=tables)
    return Device(
        id=vcn.id,
        kind="vcn",
        interfaces={name: Interface(name=name) for name in tables if name is not None},
        receive=(*_returns(vcn, index), lookup),
        forward=fabric_forward(index.topology),
        send=(lookup,),
        icmp_sources=virtual_router_addresses(vcn, index),
        toll=Toll(forwarded=(Delay("fabric_ad"),), forwarded_new=(Delay("fabric_ad"),)),
        source=vcn.source,
    )


def _returns(vcn: Vcn, index: Index) -> tuple[Returns, ...]:
    """What brings answers back to network load balancers that keep their clients' addresses, where there are such."""
    topology = index.topology
    if topology.assumes("nlb-return-path") == "routed":
        return ()
    if not any(balancer.is_network for balancer in topology.load_balancers.values()):
        return ()
    from dsflow.dataplane.network_balancer import returns  # most scenarios have none

    return returns(vcn, index)


def _owners(vcn: Vcn, index: Index) -> tuple[dict[Family, dict[int, Neighbor]], dict[str, str]]:
    """Who has which address of the VCN, and of each load balancer the subnet by whose table it sends."""
    owners: dict[Family, dict[int, Neighbor]] = {family: {} for family in Family}
    fronts: dict[str, str] = {}
    for neighbor, holder, addresses in index.attachments(vcn.name):
        if isinstance(holder, LoadBalancer):
            fronts[holder.id] = holder.subnet
        for address in addresses:
            owners[address.family][address.value] = neighbor
    return owners, fronts


def virtual_router_addresses(vcn: Vcn, index: Index) -> IcmpSources:
    """The virtual router's address in each subnet: its first host address.

    By the example of the Oracle SDK's ``Subnet.virtual_router_ip``; as a rule, inferred.
    """
    rows: dict[int, dict[Prefix, int]] = {int(family): {} for family in Family}
    for subnet in index.subnets_of(vcn.name):
        for family in Family:
            for prefix in subnet.prefixes(family):
                rows[family][prefix] = prefix.first + 1
    return {family: {None: LongestPrefixTable(found.items())} for family, found in rows.items()}


def _subnet_routes(
    subnet: Subnet, vcn: Vcn, index: Index, inside: dict[Prefix, ToOwner], direct: dict[Family, ToOwner]
) -> Routes:
    own = [prefix for family in Family for prefix in subnet.prefixes(family)]
    rows: dict[Prefix, Action] = {prefix: local for prefix, local in inside.items() if prefix not in own}
    table = index.topology.route_tables.get(subnet.route_table or "")
    for number, rule in enumerate(table.rules if table else (), start=1):
        for prefix in _destinations(rule, index):
            if not any(prefix in whole for whole in own):  # never consulted inside the own subnet
                rows[prefix] = _static(rule, number, subnet, vcn, index)
    rows |= {prefix: direct[prefix.family] for prefix in own}
    return routes(rows.items(), *(_no_route(subnet, family, index) for family in Family))


def _destinations(rule: RouteRule, index: Index) -> tuple[Prefix, ...]:
    if isinstance(rule.destination, Prefix):
        return (rule.destination,)
    gateway = index.gateways_by_id[rule.target]
    assert isinstance(gateway, ServiceGateway), "the scenario's checks let a label lead to a service gateway only"
    return dict(gateway.services).get(rule.destination, ())


def _static(rule: RouteRule, number: int, subnet: Subnet, vcn: Vcn, index: Index) -> Forward | Drop:
    words = Rule(
        id=f"{subnet.id}/route-table#{number}",
        reason=f"the longest match for {{dst}} in the table of {subnet.id} is {rule.destination}, to {rule.target}",
        source=rule.source,
    )
    if rule.next_hop is not None:
        return _to_private_ip(words, rule.next_hop, index)
    gateway = index.gateways_by_id[rule.target]
    return Forward(words, Neighbor(rule.target, rule.target, vcn.id, index.attachment(gateway)))


def _to_private_ip(words: Rule, address: Address, index: Index) -> Forward | Drop:
    """A VNIC as next hop; one that checks source and destination takes nothing that is not its own.

    docs.oracle.com Network/Tasks/managingroutetables.htm (2025-03), Network/Tasks/managingVNICs.htm (2026-09).
    """
    way, holder = index.route_targets[address]
    if isinstance(holder, Node):
        return _checked_there(words, holder.id, None)
    device, interface = holder
    if interface.source_destination_check:
        key = f"devices.{device.name}.interfaces.{interface.name}.source_destination_check"
        return _checked_there(words, device.id, f"set {key}: false")
    return Forward(words, way, next_hop=address.value)


def _checked_there(words: Rule, holder: str, mend: str | None) -> Drop:
    why = f"{holder} checks source and destination, so its VNIC takes no packet for {{dst}}"
    return Drop(replace(words, reason=f"{words.reason}; {why}", mend=mend), Disposition.BLACKHOLED)


def _same_subnet(subnet: Subnet) -> Rule:
    return Rule(reason=f"{{dst}} is in {subnet.id} itself: delivered directly, no rule applies")


def _local(vcn: Vcn) -> Rule:
    return Rule(
        id=f"{vcn.id}/local",
        reason=f"{{dst}} is inside {vcn.id}: the implicit local route delivers it",
        source=vcn.source,
        explicit=False,
    )


def _ownerless(vcn: Vcn) -> Drop:
    rule = Rule(reason=f"{{dst}} is inside {vcn.id}, but no VNIC there has it", evidence=Evidence.INFERRED)
    return Drop(rule, Disposition.NEIGHBOR_UNREACHABLE)


def _no_route_inside(vcn: Vcn) -> Drop:
    rule = Rule(reason=f"{{dst}} is not inside {vcn.id}, and a gateway delivers only inside")
    return Drop(rule, Disposition.NO_ROUTE)


def _no_route(subnet: Subnet, family: Family, index: Index) -> Drop:
    table = f"route-table/{subnet.route_table}" if subnet.route_table else "no route table"
    rule = Rule(
        reason=f"no rule of {subnet.id} ({table}) covers {{dst}}: dropped in silence",
        source=subnet.source,
        mend=_missing_route(subnet, family, index),
    )
    return Drop(rule, Disposition.NO_ROUTE)


def _missing_route(subnet: Subnet, family: Family, index: Index) -> str:
    """The rule that would lead to the Internet, and the gateway for it where the VCN has none."""
    gateway: Gateway | None
    if family is Family.IPV4:
        gateway, prefix = index.nat_gateway(subnet.vcn), "0.0.0.0/0"
    else:
        gateway, prefix = index.internet_gateway(subnet.vcn), "::/0"
    if gateway is None:
        kind = "NAT" if family is Family.IPV4 else "Internet"
        return f"for the Internet, add a gateway of kind {kind.lower()} and lead {prefix} to it"
    if subnet.route_table is None:
        return f"give {subnet.id} a route table that leads {prefix} to {gateway.id}"
    return f"for the Internet, add the rule {prefix}: {gateway.id} to route_tables.{subnet.route_table}.rules"
