"""Links and generic devices from their text: what Linux fills in by itself is filled in here."""

from __future__ import annotations

from collections.abc import Callable

from dsflow.model.devices import (
    LOOPBACK_MTU_BYTES,
    DeviceInterface,
    DeviceLink,
    DeviceRoute,
    FilterRule,
    GenericDevice,
    NatRule,
    PacketMatch,
    RouteType,
    RpFilter,
)
from dsflow.net.address import Address, Family
from dsflow.scenario.checks_devices import is_of_every_loopback
from dsflow.scenario.checks_routes import OnLink, interface_of
from dsflow.scenario.document import Path
from dsflow.scenario.schema_devices import DeviceText, FilterText, InterfaceText, MatchText, NatText, RouteText

__all__ = ["build_device", "build_link", "default_mtu_bytes"]

_FAMILIES = {str(family): family for family in Family}
_ETHERNET_MTU_BYTES = 1500
_VNIC_MTU_BYTES = 9000  # docs.oracle.com Network/Troubleshoot/connectionhang.htm (2024-10)
_IPV6_DEFAULT_METRIC = 1024  # IP6_RT_PRIO_USER, which Linux takes for 0 too

Sources = Callable[[Path], str]
"""From a path to ``FILE:LINE``."""


def build_link(name: str, sources: Sources) -> DeviceLink:
    """A link."""
    return DeviceLink(name=name, source=sources(("links", name)))


def build_device(name: str, text: DeviceText, sources: Sources) -> GenericDevice:
    """A device; a next hop that is on no link leaves its route without an interface, for a check to report."""
    path = ("devices", name)
    interfaces = {
        key: _interface(key, entry, (*path, "interfaces", key), sources) for key, entry in text.interfaces.items()
    }
    return GenericDevice(
        name=name,
        forwarding=text.forwarding,
        interfaces=interfaces,
        routes=_routes(text, interfaces, (*path, "routes"), sources),
        filters=tuple(_filter(rule, sources((*path, "filters", at))) for at, rule in enumerate(text.filters)),
        nat=tuple(_nat(rule, sources((*path, "nat", at))) for at, rule in enumerate(text.nat)),
        rp_filter=RpFilter(text.rp_filter),
        listen=tuple(text.listen),
        icmp_rate_limit=text.icmp_rate_limit,
        source=sources(path),
    )


def default_mtu_bytes(name: str, link: str | None) -> int:
    """The MTU of an interface that says none.

    >>> default_mtu_bytes("e0", "l0"), default_mtu_bytes("eth0", "subnet/pods"), default_mtu_bytes("lo", None)
    (1500, 9000, 65536)
    """
    if name == "lo":
        return LOOPBACK_MTU_BYTES
    return _VNIC_MTU_BYTES if link is not None and link.startswith("subnet/") else _ETHERNET_MTU_BYTES


def _interface(name: str, text: InterfaceText, path: Path, sources: Sources) -> DeviceInterface:
    return DeviceInterface(
        name=name,
        link=text.link,
        mtu_bytes=default_mtu_bytes(name, text.link) if text.mtu is None else text.mtu,
        addresses=tuple(entry for entry in text.addresses if not is_of_every_loopback(name, entry.address)),
        source_destination_check=text.source_destination_check is not False,
        nsgs=tuple(text.nsgs),
        route_table=text.route_table,
        source=sources(path),
    )


def _routes(
    text: DeviceText, interfaces: dict[str, DeviceInterface], path: Path, sources: Sources
) -> tuple[DeviceRoute, ...]:
    on_link = OnLink(interfaces.values())
    routes = []
    for at, entry in enumerate(text.routes):
        route = _route(entry, on_link, sources((*path, at)))
        on_link.add(route)
        routes.append(route)
    return tuple(routes)


def _route(text: RouteText, on_link: OnLink, source: str) -> DeviceRoute:
    return DeviceRoute(
        to=text.to,
        type=RouteType(text.type),
        via=text.via,
        interface=interface_of(text.via, text.interface, on_link),
        metric=_IPV6_DEFAULT_METRIC if text.metric == 0 and text.to.family is Family.IPV6 else text.metric,
        mtu_bytes=text.mtu,
        source_address=text.source,
        source=source,
    )


def _match(text: MatchText, states: tuple[str, ...] = (), implied: Address | None = None) -> PacketMatch:
    """The match of a rule; of the family of the address that it translates to, where it says none."""
    family = None if text.family is None else _FAMILIES[text.family]
    return PacketMatch(
        family=implied.family if family is None and implied is not None else family,
        protocol=text.protocol,
        src=text.src,
        dst=text.dst,
        sport=text.sport,
        dport=text.dport,
        in_interface=text.in_interface,
        out_interface=text.out_interface,
        states=states,
    )


def _filter(text: FilterText, source: str) -> FilterRule:
    match = _match(text, states=tuple(dict.fromkeys(text.state or ())))
    return FilterRule(hook=text.hook, action=text.action, match=match, source=source)


def _nat(text: NatText, source: str) -> NatRule:
    return NatRule(
        hook=text.hook,
        action=text.action,
        match=_match(text, implied=text.to_address),
        to_address=text.to_address,
        to_port=text.to_port,
        source=source,
    )
