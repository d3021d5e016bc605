"""The Internet: who is reachable there, and the hosts on it.

It is no device of its own: every gateway and host knows directly who owns an address.  What it does
not know leaves the model; what is private to somebody it does not carry.
"""

from __future__ import annotations

from dsflow.dataplane.action import Action, Drop, Forward, Link, Neighbor, Rule
from dsflow.dataplane.common import listeners, not_forwarding, origin_mtu, own_addresses, routes, single
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.hosts import ENDPOINT_TOLL
from dsflow.dataplane.index import EDGE_LINK, Index
from dsflow.dataplane.linux_checks import martians
from dsflow.dataplane.tables import RouteLookup
from dsflow.model.internet import InternetHost
from dsflow.model.services import LoadBalancer
from dsflow.model.vcn import NatGateway, Vcn
from dsflow.net.address import Address, Family, Prefix

__all__ = ["PRIVATE_SPACE", "compile_internet_host", "internet_rows", "off_internet"]

PRIVATE_SPACE = {
    Prefix.parse("10.0.0.0/8"): "RFC 1918",
    Prefix.parse("172.16.0.0/12"): "RFC 1918",
    Prefix.parse("192.168.0.0/16"): "RFC 1918",
    Prefix.parse("100.64.0.0/10"): "RFC 6598",
    Prefix.parse("fc00::/7"): "RFC 4193",
}
"""Space that nobody on the Internet routes, whoever uses it; what a VCN holds is judged by the VCN instead."""


def compile_internet_host(host: InternetHost, index: Index) -> Device:
    """A host beyond the gateways."""
    own = own_addresses((host.ipv4, host.ipv6))
    addresses = {int(found.family): (found.value,) for found in (host.ipv4, host.ipv6) if found}
    rows = internet_rows(index, "eth0", index.internet_link(host))
    for balancer in index.topology.load_balancers.values():
        rows |= _private_fronts(balancer, index.vcn_of(balancer.subnet))
    rows |= dict(_service_network_rows(host, index))
    rows |= dict(own)
    beyond = Forward(_BEYOND, Neighbor("eth0", None, None, index.internet_link(host)))
    return Device(
        id=host.id,
        kind="internet",
        interfaces={"eth0": Interface(name="eth0", addresses=addresses)},
        receive=(martians(host.ipv4), RouteLookup(tables={None: routes(own, not_forwarding(host.id))})),
        deliver=(listeners(host.id, host.listen, f"internet.{host.name}"),),
        send=(RouteLookup(tables={None: routes(rows.items(), beyond)}),),
        leave=(origin_mtu,),
        toll=Toll(delivered=ENDPOINT_TOLL, machine=host.id),
        source=host.source,
    )


_BEYOND = Rule(reason="{dst} is on the Internet, beyond what this scenario describes")

OFF_MODEL = Forward(_BEYOND, Neighbor("internet", None, None, EDGE_LINK))
"""What a gateway does with a packet to an Internet address that nobody in the scenario has."""


def internet_rows(index: Index, interface: str, link: Link = EDGE_LINK) -> dict[Prefix, Action]:
    """Who has which address on the Internet, as seen from ``interface``; ``link`` is the leg to the region."""
    rows: dict[Prefix, Action] = {prefix: off_internet(prefix, why) for prefix, why in PRIVATE_SPACE.items()}
    if index.topology.assumes(PRIVATE) == "leaks":
        rows |= {prefix: _leaks(prefix, interface, link) for prefix in rows if prefix.family is Family.IPV4}
    for vcn in index.topology.vcns.values():
        rows |= _vcn_rows(vcn, index, interface, link)
    for gateway in index.topology.gateways.values():
        if isinstance(gateway, NatGateway):
            rows[single(gateway.public_ipv4)] = _edge(gateway.id, interface, link, gateway.source)
    for host in index.topology.internet.values():
        leg = index.internet_link(host)
        both = leg if link is EDGE_LINK else Link(id=leg.id, mtu_bytes=leg.mtu_bytes, delays=leg.delays + link.delays)
        rule = Rule(reason=f"{{dst}} is {host.id}", source=host.source)
        forward = Forward(rule, Neighbor(interface, host.id, "eth0", both))
        for address in (host.ipv4, host.ipv6):
            if address is not None and index.vcn_holding(address) is None:
                rows[single(address)] = forward
    return rows


PRIVATE = "ipv4-private-in-internet"
"""The assumption on which rests what becomes of private IPv4 beyond the gateways."""


def _leaks(prefix: Prefix, interface: str, link: Link) -> Forward:
    rule = Rule(reason=f"{{dst}} is in {prefix}, which somebody on the Internet may route", assumption=PRIVATE)
    return Forward(rule, Neighbor(interface, None, None, link))


def off_internet(prefix: Prefix, why: str) -> Drop:
    """The Internet's refusal of private space."""
    rule = Rule(
        reason=f"{{dst}} is in {prefix} ({why}), which the Internet does not route",
        assumption=PRIVATE if prefix.family is Family.IPV4 else None,
    )
    return Drop(rule, Disposition.SCOPE_UNROUTABLE)


def _vcn_rows(vcn: Vcn, index: Index, interface: str, link: Link) -> dict[Prefix, Action]:
    """A VCN as the Internet sees it: public addresses and global prefixes lead to its gateway, the rest nowhere."""
    rows: dict[Prefix, Action] = {
        prefix: _private_to(vcn, prefix, "IPv4 of a VCN is private, whatever its bits", _USE_PUBLIC)
        for prefix in vcn.ipv4
    }
    gateway = index.internet_gateway(vcn.name)
    for entry in vcn.ipv6:
        if not entry.origin.is_global:
            rows[entry.prefix] = _private_to(vcn, entry.prefix, f"its origin is {entry.origin}", _USE_PUBLIC)
        elif gateway is None:
            rows[entry.prefix] = _private_to(vcn, entry.prefix, *_NO_GATEWAY)
        else:
            rows[entry.prefix] = _edge(gateway.id, interface, link, entry.source)
    for public, (_, source) in index.public_ipv4.get(vcn.name, {}).items():
        prefix = single(Address(Family.IPV4, public))
        if gateway is None:
            rows[prefix] = _private_to(vcn, prefix, *_NO_GATEWAY)
        else:
            rows[prefix] = _edge(gateway.id, interface, link, source)
    return rows


def _private_fronts(balancer: LoadBalancer, vcn: Vcn) -> dict[Prefix, Action]:
    """A load balancer's private addresses, with the mend that is its own."""
    rows: dict[Prefix, Action] = {}
    if balancer.ipv4 is not None:
        ipv4 = single(balancer.ipv4)
        why = f"it is the private address of {balancer.id}"
        rows[ipv4] = _private_to(vcn, ipv4, why, f"give {balancer.id} a public_ipv4")
    entry = None if balancer.ipv6 is None else vcn.ipv6_prefix_of(balancer.ipv6)
    if balancer.ipv6 is not None and entry is not None and not entry.origin.is_global:
        ipv6 = single(balancer.ipv6)
        mend = f"number subnet/{balancer.subnet} and {balancer.id} from a prefix that is global"
        rows[ipv6] = _private_to(vcn, ipv6, f"its origin is {entry.origin}", mend)
    return rows


_USE_PUBLIC = "address the load balancer, or a public address"
_NO_GATEWAY = "the VCN has no Internet gateway", "add an Internet gateway"


def _edge(gateway_id: str, interface: str, link: Link, source: str) -> Forward:
    rule = Rule(reason=f"the Internet reaches {{dst}} through {gateway_id}", source=source)
    return Forward(rule, Neighbor(interface, gateway_id, "internet", link))


def _private_to(vcn: Vcn, prefix: Prefix, why: str, mend: str) -> Drop:
    rule = Rule(
        reason=f"the Internet does not route {prefix} of {vcn.id} there: {why}",
        source=vcn.source,
        mend=mend,
    )
    return Drop(rule, Disposition.SCOPE_UNROUTABLE)


def _service_network_rows(host: InternetHost, index: Index) -> dict[Prefix, Action]:
    """An Oracle service answers a VCN's private addresses through the VCN's service gateway."""
    rows: dict[Prefix, Action] = {}
    for gateway in index.service_gateways_to(host.ipv4):
        rule = Rule(reason=f"Oracle's services answer {{dst}} through {gateway.id}", source=gateway.source)
        way = Forward(rule, Neighbor("eth0", gateway.id, "oracle-services", index.internet_link(host)))
        rows |= dict.fromkeys(index.topology.vcns[gateway.vcn].ipv4, way)
    return rows
