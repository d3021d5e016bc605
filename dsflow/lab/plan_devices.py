"""One generic device as commands: kernel settings, addresses, neighbours, routes and daemons."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from dsflow.lab.command import Listening, Port
from dsflow.model.cluster import Listener
from dsflow.model.devices import DeviceRoute, GenericDevice, RouteType, RpFilter
from dsflow.net.address import Address, Family

__all__ = [
    "address_options",
    "address_texts",
    "first_sysctls",
    "link_local",
    "listening",
    "neighbour_texts",
    "port_sysctls",
    "route_texts",
]

_RP_FILTER = {RpFilter.OFF: 0, RpFilter.STRICT: 1, RpFilter.LOOSE: 2}

_QUIET = (
    # Two probes must not influence each other, and nothing may be sent that no probe asked for.
    "net.ipv4.conf.all.accept_redirects=0",
    "net.ipv4.conf.default.accept_redirects=0",
    "net.ipv6.conf.all.accept_redirects=0",
    "net.ipv6.conf.default.accept_redirects=0",
    "net.ipv6.conf.all.accept_ra=0",
    "net.ipv6.conf.default.accept_ra=0",
    "net.ipv6.conf.default.router_solicitations=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.dad_transmits=0",
    "net.ipv4.tcp_synack_retries=0",
    "net.ipv4.tcp_invalid_ratelimit=0",
    # A lone fragment waits for the rest until the lab is gone: no late "reassembly time exceeded".
    "net.ipv4.ipfrag_time=3600",
    "net.ipv6.ip6frag_time=3600",
    "?net.netfilter.nf_conntrack_frag6_timeout=3600",
)

_UNLIMITED = (
    # icmp_ratelimit=0 would silence the errors of routes, which share its bucket: clear the mask instead.
    "net.ipv4.icmp_ratemask=0",
    "net.ipv6.icmp.ratelimit=0",
    "?net.ipv4.icmp_msgs_per_sec=100000",
    "?net.ipv4.icmp_msgs_burst=10000",
)

_FAST_NEIGHBOURS = ("retrans_time_ms=12", "mcast_solicit=1", "ucast_solicit=0", "app_solicit=0")
"""One question to the link and a short wait: the failure of a neighbour takes a few ticks of the kernel."""

_NO_ANYCAST = 127
"""From this length on a prefix has no anycast address for its routers (RFC 6164)."""

_ECHO = "socat -b 65536 -T 1"
"""Stock daemons answer; what they need is one pipe that gives back what it gets."""


def first_sysctls(device: GenericDevice) -> Iterator[str]:
    """The settings before there are interfaces, which take them over; forwarding first, as it resets others."""
    yield f"net.ipv4.ip_forward={int(Family.IPV4 in device.forwarding)}"
    yield f"net.ipv6.conf.all.forwarding={int(Family.IPV6 in device.forwarding)}"
    yield f"net.ipv6.conf.default.forwarding={int(Family.IPV6 in device.forwarding)}"
    mode = _RP_FILTER[device.rp_filter]
    yield "net.ipv4.conf.all.rp_filter=0"  # the kernel takes the stricter of this and the interface's own
    yield f"net.ipv4.conf.default.rp_filter={mode}"
    yield f"net.ipv4.conf.lo.rp_filter={mode}"
    yield from _QUIET
    if not device.icmp_rate_limit:
        yield from _UNLIMITED


def port_sysctls(port: Port) -> Iterator[str]:
    """The settings of an interface's neighbours, in the families that run there."""
    name = port.interface.name.replace(".", "/")
    for family in Family:
        if port.interface.carries(family):
            yield from (f"net.{family}.neigh.{name}.{setting}" for setting in _FAST_NEIGHBOURS)


def neighbour_texts(port: Port, others: Sequence[tuple[Port, GenericDevice]]) -> Iterator[str]:
    """Neighbours on the link that need no asking for; of two that answer for an address, the first."""
    known: dict[Address, str] = {}
    for answers in (_own, _also_answered):
        for other, device in others:
            for family in Family:
                if port.interface.carries(family) and other.interface.carries(family):
                    for address in answers(other, device, family):
                        known.setdefault(address, other.mac)
    for address, mac in known.items():
        yield f"neigh replace {address} lladdr {mac} dev {port.interface.name} nud permanent"


def _own(port: Port, _device: GenericDevice, family: Family) -> Iterator[Address]:
    """The addresses of an interface, with that which IPv6 gives it by itself."""
    yield from (entry.address for entry in port.interface.in_family(family))
    if family is Family.IPV6:
        yield link_local(port.mac)


def _also_answered(port: Port, device: GenericDevice, family: Family) -> Iterator[Address]:
    """What a machine answers for besides.

    In IPv4 all its addresses, on whichever interface (arp_ignore in Documentation/networking/ip-sysctl.rst); in
    IPv6 a router's anycast address (RFC 4291 section 2.6.1), for which it would let the asker wait (RFC 4861
    section 7.2.7).
    """
    if family is Family.IPV4:
        yield from device.addresses(family)
    elif family in device.forwarding:
        prefixes = [entry.prefix for entry in port.interface.in_family(family)]
        yield from (Address(family, prefix.first) for prefix in prefixes if prefix.length < _NO_ANYCAST)


def link_local(mac: str) -> Address:
    """The link-local address that Linux forms from a hardware address (RFC 4291 appendix A).

    >>> str(link_local("02:00:00:01:00:00"))
    'fe80::ff:fe01:0'
    """
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes((octets[0] ^ 2,)) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return Address.from_packed(b"\xfe\x80" + bytes(6) + identifier)


def address_texts(device: GenericDevice, there: Container[str]) -> Iterator[str]:
    """The addresses in the order written, without waiting for duplicates to be detected."""
    for interface in device.interfaces.values():
        if interface.name in there:
            for family in Family:
                for entry in interface.in_family(family):
                    yield f"addr add {entry} dev {interface.name}{address_options(family)}"


def address_options(family: Family) -> str:
    """What is said with an address besides: IPv6 would wait to see whether somebody else has it."""
    return " nodad" if family is Family.IPV6 else ""


def route_texts(device: GenericDevice, there: Container[str]) -> Iterator[str]:
    """The routes that the kernel takes: none by an interface that is missing or without the family."""
    for route in device.routes:
        leaving = device.interfaces.get(route.interface) if route.interface else None
        if leaving is None or (leaving.name in there and leaving.carries(route.to.family)):
            yield f"route add {_route(route)}"


def _route(route: DeviceRoute) -> str:
    kind = "" if route.type is RouteType.UNICAST else f"{route.type} "
    parts = [f"{kind}{route.to}"]
    parts += [f"via {route.via}"] if route.via is not None else []
    parts += [f"dev {route.interface}"] if route.interface is not None else []
    parts += [f"metric {route.metric}"] if route.metric is not None else []
    parts += [f"mtu {route.mtu_bytes}"] if route.mtu_bytes is not None else []
    parts += [f"src {route.source_address}"] if route.source_address is not None else []
    return " ".join(parts)


def listening(listeners: Iterable[Listener], addresses: Sequence[Address], namespace: str) -> Iterator[Listening]:
    """A daemon for each port: one for all addresses in TCP; in UDP one for each, so that it answers from there."""
    for listener in dict.fromkeys(listeners):
        port = listener.port
        if listener.protocol == "tcp":
            daemon = f"{_ECHO} TCP6-LISTEN:{port},ipv6only=0,reuseaddr,fork PIPE"
            yield Listening(namespace, "tcp", None, port, daemon)
            continue
        for address in addresses:
            text = f"[{address}]" if address.family is Family.IPV6 else str(address)
            daemon = f"{_ECHO} UDP{address.family.value}-RECVFROM:{port},bind={text},reuseaddr,fork PIPE"
            yield Listening(namespace, "udp", address, port, daemon)
