"""A network made by hand: two hosts on a LAN behind two routers, a narrow link, and a host on the near side."""

from __future__ import annotations

from dsflow.model.cluster import Listener
from dsflow.model.devices import (
    DeviceInterface,
    DeviceLink,
    DeviceRoute,
    FilterRule,
    GenericDevice,
    InterfaceAddress,
    PacketMatch,
    RouteType,
)
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.ranges import PortRange
from tests.needs import needs_lab

__all__ = ["device", "interface", "needs_lab", "network", "route"]


def interface(name: str, link: str | None, *addresses: str, mtu: int = 1500) -> DeviceInterface:
    return DeviceInterface(name=name, link=link, mtu_bytes=mtu, addresses=tuple(map(_entry, addresses)))


def _entry(text: str) -> InterfaceAddress:
    head, _, length = text.partition("/")
    address = Address.parse(head)
    return InterfaceAddress(address=address, prefix=Prefix.around(address, int(length)))


def route(to: str, via: str | None = None, interface: str | None = None, kind: str = "unicast") -> DeviceRoute:
    gateway = None if via is None else Address.parse(via)
    return DeviceRoute(to=Prefix.parse(to), via=gateway, interface=interface, type=RouteType(kind))


def device(
    name: str,
    interfaces: list[DeviceInterface],
    routes: list[DeviceRoute],
    *,
    forwarding: bool = False,
    filters: tuple[FilterRule, ...] = (),
    listen: tuple[Listener, ...] = (),
) -> GenericDevice:
    return GenericDevice(
        name=name,
        forwarding=frozenset(Family) if forwarding else frozenset(),
        interfaces={one.name: one for one in interfaces},
        routes=tuple(routes),
        filters=filters,
        listen=listen,
    )


def network() -> Topology:
    """h0 - r0 - (1400 bytes) - r1 - LAN with h1 and h2, both families."""
    h0 = device(
        "h0",
        [interface("e0", "l0", "10.1.0.2/24", "fd00:1::2/64")],
        [route("0.0.0.0/0", "10.1.0.1", "e0"), route("::/0", "fd00:1::1", "e0")],
    )
    r0 = device(
        "r0",
        [
            interface("e0", "l0", "10.1.0.1/24", "fd00:1::1/64"),
            interface("e1", "l1", "10.1.1.1/24", "fd00:1:1::1/64", mtu=1400),
            interface("lo", None, "192.0.2.1/32"),
        ],
        [
            route("10.1.2.0/23", "10.1.1.2", "e1"),
            route("fd00:1:2::/47", "fd00:1:1::2", "e1"),
            route("10.9.0.0/16", kind="blackhole"),
            route("10.8.0.0/16", kind="prohibit"),
        ],
        forwarding=True,
    )
    r1 = device(
        "r1",
        [
            interface("e0", "l1", "10.1.1.2/24", "fd00:1:1::2/64", mtu=1400),
            interface("e1", "lan", "10.1.2.1/24", "fd00:1:2::1/64"),
        ],
        [route("10.1.0.0/24", "10.1.1.1", "e0"), route("fd00:1::/64", "fd00:1:1::1", "e0")],
        forwarding=True,
        filters=(
            FilterRule(hook="forward", action="reject", match=PacketMatch(protocol="udp", dport=PortRange(99, 100))),
            FilterRule(hook="forward", action="accept", match=PacketMatch(states=("established", "related"))),
        ),
    )
    ways = [route("0.0.0.0/0", "10.1.2.1", "e0"), route("::/0", "fd00:1:2::1", "e0")]
    listen = (Listener("tcp", 80), Listener("udp", 53))
    h1 = device("h1", [interface("e0", "lan", "10.1.2.2/24", "fd00:1:2::2/64")], ways, listen=listen)
    h2 = device("h2", [interface("e0", "lan", "10.1.2.3/24", "fd00:1:2::3/64")], ways)
    return Topology(
        name="by-hand",
        links={name: DeviceLink(name=name) for name in ("l0", "l1", "lan")},
        devices={one.name: one for one in (h0, r0, r1, h1, h2)},
    )
