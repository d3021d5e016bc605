"""The gateways of a VCN: Internet, NAT and service gateway, each with the truth about scope it enforces."""

from __future__ import annotations

from dsflow.dataplane.action import Action, Delay, Drop, Forward, Neighbor, Rule
from dsflow.dataplane.common import fabric_forward, routes, single
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.fabric import virtual_router_addresses
from dsflow.dataplane.index import EDGE_LINK, Index
from dsflow.dataplane.internet import OFF_MODEL, PRIVATE_SPACE, internet_rows, off_internet
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatCapability, NatKind, NatRow, PortPool
from dsflow.dataplane.public_addresses import exchange, exchanges_at_vnics, public_addresses
from dsflow.dataplane.strangers import strangers
from dsflow.dataplane.tables import Confirm, Filter, Nat, RouteLookup, Track
from dsflow.model.vcn import Gateway, InternetGateway, Ipv6Prefix, NatGateway, ServiceGateway, Vcn
from dsflow.net.address import Family, Prefix

__all__ = ["compile_gateway", "disabled", "toll"]

NAT_CONNECTIONS_PER_DESTINATION = 20_000  # docs.oracle.com Network/Tasks/NATgateway.htm (2025-02)

_Row = tuple[Match, Drop]


def compile_gateway(gateway: InternetGateway | NatGateway | ServiceGateway, index: Index) -> Device:
    """The device of a gateway that leads to the Internet or to Oracle's services."""
    match gateway:
        case InternetGateway():
            return _internet_gateway(gateway, index)
        case NatGateway():
            return _nat_gateway(gateway, index)
        case ServiceGateway():
            return _service_gateway(gateway, index)


def _internet_gateway(gateway: InternetGateway, index: Index) -> Device:
    """One-to-one public IPv4; IPv6 unchanged, if its prefix is global and its subnet public.

    docs.oracle.com Network/Tasks/managingIGs.htm and Network/Concepts/ipv6.htm (2026-09).
    """
    vcn = index.topology.vcns[gateway.vcn]
    rows = [*disabled(gateway), *strangers(gateway, vcn, index), *_ipv6_scope(vcn, index)]
    lookup = _lookup(gateway, vcn, index)
    scope = Filter(rows=tuple(rows), stage="scope")
    here = None if exchanges_at_vnics(index) else exchange(gateway, "internet", index)
    return Device(
        id=gateway.id,
        kind="igw",
        interfaces=_interfaces(vcn.id, "internet"),
        receive=(scope, lookup) if here is None else (scope, here.inbound, lookup),
        forward=fabric_forward(index.topology),
        send=(lookup,),
        leave=() if here is None else (here.outbound,),
        capabilities=() if here is None else (here.capability,),
        icmp_sources=virtual_router_addresses(vcn, index),
        toll=toll("igw"),
        source=gateway.source,
    )


def _nat_gateway(gateway: NatGateway, index: Index) -> Device:
    """Source translation of IPv4 TCP, UDP and ping to one public address (Network/Tasks/NATgateway.htm, 2025-02)."""
    vcn = index.topology.vcns[gateway.vcn]
    own = {single(gateway.public_ipv4): _unsolicited(gateway)}
    lookup = _lookup(gateway, vcn, index, own)
    evicts = index.topology.assumes("nat-ports-per-destination") == "evicts-the-oldest"
    snat = Rule(
        id=gateway.id,
        reason=f"the private source is exchanged for {gateway.public_ipv4} and a port or echo identifier of its pool",
        source=gateway.source,
        assumption="nat-ports-per-destination",
    )
    row = NatRow(
        kind=NatKind.GATEWAY_SNAT,
        match=Match(family=Family.IPV4, in_interface=vcn.id, out_interface="internet"),
        rule=snat,
        address=gateway.public_ipv4.value,
        pool=PortPool(per_destination=NAT_CONNECTIONS_PER_DESTINATION, evicts=evicts),
        back=Rule(
            id=gateway.id,
            reason="a session awaits this packet: its destination becomes the private address again",
            source=gateway.source,
        ),
    )
    return Device(
        id=gateway.id,
        kind="natgw",
        interfaces=_interfaces(vcn.id, "internet"),
        receive=(
            Filter(rows=(*disabled(gateway), *_no_ipv6(gateway, vcn), *strangers(gateway, vcn, index)), stage="scope"),
            Track(),
            Nat(hook="prerouting", rows=()),
            lookup,
        ),
        forward=fabric_forward(index.topology),
        send=(lookup,),
        leave=(Nat(hook="postrouting", rows=(row,), exhausted=_exhausted(gateway)), Confirm()),
        capabilities=(
            NatCapability(
                kind=NatKind.GATEWAY_SNAT,
                idle=Rule(reason="the packet was not translated here"),
                families=(4,),
                cannot=Rule(reason="a NAT gateway never carries IPv6"),
            ),
        ),
        icmp_sources=virtual_router_addresses(vcn, index),
        toll=toll("nat_gw"),
        source=gateway.source,
    )


def _service_gateway(gateway: ServiceGateway, index: Index) -> Device:
    """The private way to Oracle services: IPv4, addresses kept (Oracle SDK, ServiceGateway)."""
    vcn = index.topology.vcns[gateway.vcn]
    rows: dict[Prefix, Action] = {}
    for host in index.topology.internet.values():
        if host.ipv4 is not None and gateway in index.service_gateways_to(host.ipv4):
            rule = Rule(
                reason=f"{{dst}} is the Oracle service {host.id}",
                source=host.source,
                assumption="sgw-latency-as-igw",
            )
            rows[single(host.ipv4)] = Forward(
                rule, Neighbor("oracle-services", host.id, "eth0", index.internet_link(host))
            )
    beyond = Rule(reason="{dst} is an Oracle service beyond what this scenario describes")
    default = Forward(beyond, Neighbor("oracle-services", None, None, EDGE_LINK))
    outward = routes(rows.items(), default)
    inward = routes(_inside(gateway, vcn, index).items(), default)
    lookup = RouteLookup(tables={None: inward, vcn.id: outward, "oracle-services": inward})
    return Device(
        id=gateway.id,
        kind="sgw",
        interfaces=_interfaces(vcn.id, "oracle-services"),
        receive=(Filter(rows=(*disabled(gateway), *_no_ipv6(gateway, vcn)), stage="scope"), lookup),
        forward=fabric_forward(index.topology),
        send=(lookup,),
        icmp_sources=virtual_router_addresses(vcn, index),
        toll=toll("igw"),
        source=gateway.source,
    )


def _lookup(
    gateway: InternetGateway | NatGateway, vcn: Vcn, index: Index, own: dict[Prefix, Drop] | None = None
) -> RouteLookup:
    """From the VCN to the Internet, from the Internet into the VCN, and both ways for the gateway's own packets."""
    outside = internet_rows(index, "internet") | (own or {})
    outward = routes(outside.items(), OFF_MODEL)
    inward = routes((outside | _inside(gateway, vcn, index)).items(), OFF_MODEL)
    return RouteLookup(tables={None: inward, vcn.id: outward, "internet": inward})


def _inside(gateway: Gateway, vcn: Vcn, index: Index) -> dict[Prefix, Action]:
    rule = Rule(reason=f"{{dst}} is inside {vcn.id}")
    forward = Forward(rule, Neighbor(vcn.id, vcn.id, gateway.id, index.attachment(gateway)))
    own = [prefix for family in Family for prefix in vcn.prefixes(family)]
    return dict.fromkeys([*own, *(public_addresses(vcn, index) if exchanges_at_vnics(index) else ())], forward)


def _ipv6_scope(vcn: Vcn, index: Index) -> list[_Row]:
    """IPv6 that an Internet gateway refuses, in either direction: private prefixes and private subnets."""
    rows: list[_Row] = []
    for prefix, why in PRIVATE_SPACE.items():
        if prefix.family is Family.IPV6:
            rows.append((Match(dst=prefix, in_interface=vcn.id), off_internet(prefix, why)))
    for entry in vcn.ipv6:
        if not entry.origin.is_global:
            for subnet in index.subnets_of(vcn.name):
                held = [prefix for prefix in subnet.ipv6 if prefix in entry.prefix]
                for prefix in held:
                    rows += _both_ways(prefix, _not_global(entry, vcn, f"{subnet.id} and what is in it"), vcn)
            rows += _both_ways(entry.prefix, _not_global(entry, vcn, "it"), vcn)
    for subnet in index.subnets_of(vcn.name):
        if not subnet.public:
            rule = Rule(
                id=f"{subnet.id}/access",
                reason=f"{subnet.id} is private, which forbids IPv6 to and from the Internet",
                source=subnet.source,
                mend=f"set subnets.{subnet.name}.access=public",
            )
            for prefix in subnet.ipv6:
                rows += _both_ways(prefix, Drop(rule, Disposition.SCOPE_UNROUTABLE), vcn)
    for prefix, why in PRIVATE_SPACE.items():
        if prefix.family is Family.IPV6:
            rows.append((Match(src=prefix, in_interface=vcn.id), _foreign_source(prefix, why)))
    return rows


def _both_ways(prefix: Prefix, drop: Drop, vcn: Vcn) -> list[_Row]:
    return [
        (Match(src=prefix, in_interface=vcn.id), drop),
        (Match(dst=prefix, in_interface="internet"), drop),
    ]


def _not_global(entry: Ipv6Prefix, vcn: Vcn, what: str) -> Drop:
    """ULA never crosses an Internet gateway (Network/Concepts/ipv6.htm, 2026-09; RFC 4193 section 4.1)."""
    replacement = next((str(other.prefix) for other in vcn.ipv6 if other.origin.is_global), None)
    if replacement is None:
        mend = f"add an oracle-gua prefix to vcns.{vcn.name}.ipv6 and number {what} from it"
    else:
        mend = f"number {what} from {replacement}, which is global"
    rule = Rule(
        id=f"{vcn.id}/ipv6/{entry.prefix}",
        reason=f"{entry.prefix} is not globally routable (origin ula): it never crosses the Internet gateway",
        source=entry.source,
        mend=mend,
    )
    return Drop(rule, Disposition.SCOPE_UNROUTABLE)


def _foreign_source(prefix: Prefix, why: str) -> Drop:
    rule = Rule(reason=f"the source {{src}} is in {prefix} ({why}), which the Internet does not route")
    return Drop(rule, Disposition.SCOPE_UNROUTABLE)


def disabled(gateway: Gateway) -> list[_Row]:
    """The refusal of everything, where the gateway is switched off."""
    if gateway.enabled:
        return []
    rule = Rule(
        id=gateway.id,
        reason=f"{gateway.id} is disabled and carries nothing",
        source=gateway.source,
        mend=f"set gateways.{gateway.name}.enabled=true",
    )
    return [(Match(), Drop(rule, Disposition.GATEWAY_DISABLED))]


def _no_ipv6(gateway: NatGateway | ServiceGateway, vcn: Vcn) -> list[_Row]:
    """Neither gateway is among those that carry IPv6 (Network/Concepts/ipv6.htm, 2026-09)."""
    rule = Rule(
        id=gateway.id,
        reason=f"{gateway.id} carries IPv4 only",
        source=gateway.source,
        mend=f"lead ::/0 to an Internet gateway instead of {gateway.id}",
    )
    return [(Match(family=Family.IPV6, in_interface=vcn.id), Drop(rule, Disposition.FAMILY_UNAVAILABLE))]


def _unsolicited(gateway: NatGateway) -> Drop:
    rule = Rule(
        id=gateway.id,
        reason=f"no session of {gateway.id} expects this packet, and it admits no connection from outside",
        source=gateway.source,
        explicit=False,
    )
    return Drop(rule, Disposition.DENIED_INGRESS)


def _exhausted(gateway: NatGateway) -> Drop:
    rule = Rule(
        id=gateway.id,
        reason=f"{gateway.id} has no port left towards {{dst}} port {{dport}}: "
        f"{NAT_CONNECTIONS_PER_DESTINATION:,} connections are in use",
        source=gateway.source,
        assumption="nat-ports-per-destination",
        mend="spread the destinations, or use more NAT gateways",
    )
    return Drop(rule, Disposition.NAT_EXHAUSTED)


def _interfaces(*names: str) -> dict[str, Interface]:
    return {name: Interface(name=name) for name in names}


def toll(entry: str) -> Toll:
    """What a gateway charges in time: one entry of the latency profile."""
    return Toll(forwarded=(Delay(entry),), forwarded_new=(Delay(entry),))
