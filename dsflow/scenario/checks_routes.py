"""What must hold of the routes of generic devices.

What is refused here Linux refuses (net/ipv4/fib_semantics.c, net/ipv4/fib_trie.c, net/ipv6/route.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dsflow.model.devices import IPV6_LEAST_MTU_BYTES, DeviceInterface, DeviceRoute, GenericDevice, RouteType
from dsflow.model.topology import Topology
from dsflow.model.vcn import Subnet
from dsflow.net.address import Address, Family, Prefix
from dsflow.scenario.document import Path, show
from dsflow.scenario.parsed import Parsed

__all__ = ["OnLink", "interface_of", "routes"]

_LOOPBACK = "lo"
_CONNECTED_METRIC = {Family.IPV4: 0, Family.IPV6: 256}
_DEFAULT_METRIC = {Family.IPV4: 0, Family.IPV6: 1024}
_OF_UNICAST = ("via", "interface", "mtu", "source")


class OnLink:
    """The prefixes that are on-link at a device's interfaces: its connected ones, and those of routes without next hop.

    An interface whose MTU is too small for IPv6 counts: its routes are idle, as it is, and no mistake.
    """

    def __init__(self, interfaces: Iterable[DeviceInterface]) -> None:
        self._entries = [
            (entry.prefix, interface.name)
            for interface in interfaces
            if interface.name != _LOOPBACK
            for entry in interface.addresses
        ]

    def add(self, route: DeviceRoute) -> None:
        """Count a route that a later one may have its next hop by."""
        if route.type is RouteType.UNICAST and route.via is None and route.interface is not None:
            self._entries.append((route.to, route.interface))

    def interfaces(self, address: Address) -> list[str]:
        """The interfaces on whose link the address is, the longest prefix first."""
        holding = [(prefix.length, name) for prefix, name in self._entries if address in prefix]
        return [name for _, name in sorted(holding, key=lambda entry: -entry[0])]


def interface_of(via: Address | None, given: str | None, on_link: OnLink) -> str | None:
    """The interface of a route: the one given, or where its next hop is; None where that is nowhere."""
    if given is not None or via is None:
        return given
    return next(iter(on_link.interfaces(via)), None)


def routes(topology: Topology, parsed: Parsed) -> None:
    """Every route is one that Linux takes after those before it."""
    for name, device in topology.devices.items():
        _Routes(device, ("devices", name, "routes"), topology.subnets, parsed).check()


class _Routes:
    """The routes of one device, in the order written."""

    def __init__(self, device: GenericDevice, path: Path, subnets: Mapping[str, Subnet], parsed: Parsed) -> None:
        self._device = device
        self._subnets = subnets
        self._path = path
        self._parsed = parsed
        self._on_link = OnLink(device.interfaces.values())
        self._own = {entry.address for interface in device.interfaces.values() for entry in interface.addresses}
        self._taken: dict[tuple[Prefix, int], str] = {}

    def check(self) -> None:
        self._take_connected()
        for at, route in enumerate(self._device.routes):
            path = (*self._path, at)
            self._check_families(path, route)
            if route.type is RouteType.UNICAST:
                self._check_way(path, route)
                self._check_mtu(path, route)
                self._check_source(path, route)
            else:
                self._check_special(path, route)
            self._check_place(path, route)
            self._on_link.add(route)

    def _report(self, path: Path, found: str, expected: str) -> None:
        self._parsed.report(path, found, expected)

    def _take_connected(self) -> None:
        for interface in self._device.interfaces.values():
            for family in Family:
                for entry in interface.in_family(family):
                    if interface.name != _LOOPBACK and entry.prefix.length < family.bits:
                        place = entry.prefix, _CONNECTED_METRIC[family]
                        self._taken[place] = f"the connected route of {interface.name}"

    def _check_families(self, path: Path, route: DeviceRoute) -> None:
        family = route.to.family
        for key, address in (("via", route.via), ("source", route.source_address)):
            if address is not None and address.family is not family:
                self._report((*path, key), f'"{address}"', f"an {family.title} address, as {route.to} is")

    def _check_special(self, path: Path, route: DeviceRoute) -> None:
        written = self._parsed.text.devices[self._device.name].routes[int(path[-1])]
        for key in _OF_UNICAST:
            if getattr(written, key) is not None:
                self._report((*path, key), f"a route of type {route.type} with {key}", "to, type and metric alone")

    def _check_way(self, path: Path, route: DeviceRoute) -> None:
        if route.via is None and route.interface is None:
            self._report(path, "neither via nor interface", "a next hop, an interface, or another type")
        elif route.interface is not None and route.interface not in self._device.interfaces:
            known = [name for name in self._device.interfaces if name != _LOOPBACK]
            self._parsed.report_unknown((*path, "interface"), route.interface, "interface", known)
        elif route.interface == _LOOPBACK:
            self._report((*path, "interface"), '"lo"', "an interface on a link")
        elif route.via is not None and route.via.family is route.to.family:
            self._check_next_hop((*path, "via"), route.via, route.interface)

    def _check_next_hop(self, path: Path, via: Address, interface: str | None) -> None:
        if via in self._own:
            self._report(path, f'"{via}", an address of {self._device.id} itself', "the address of a neighbour")
        elif self._is_broadcast(via):
            self._report(path, f'"{via}", a broadcast address', "the address of a neighbour")
        elif interface is None:
            self._report(path, f'"{via}"', f"an address on the link of an interface {self._has(None, via.family)}")
        elif interface not in self._on_link.interfaces(via):
            self._report(path, f'"{via}"', f"an address on the link of {interface} {self._has(interface, via.family)}")
        elif (router := self._virtual_router(via, interface)) not in (None, via):
            self._report(path, f'"{via}"', f"{router}, the virtual router of the subnet; more is not modelled")

    def _virtual_router(self, via: Address, interface: str) -> Address | None:
        """The first host of the subnet's prefix around an address, where the interface is in a subnet."""
        subnet = self._subnets.get(self._device.interfaces[interface].subnet or "")
        around = () if subnet is None else subnet.prefixes(via.family)
        return next((Address(via.family, prefix.first + 1) for prefix in around if via in prefix), None)

    def _has(self, interface: str | None, family: Family) -> str:
        prefixes = dict.fromkeys(
            str(entry.prefix)
            for found in self._device.interfaces.values()
            if found.name != _LOOPBACK and interface in (None, found.name)
            for entry in found.addresses
            if entry.address.family is family
        )
        return f"({' or '.join(prefixes)})" if prefixes else f"(which has no {family.title} prefix)"

    def _check_mtu(self, path: Path, route: DeviceRoute) -> None:
        interface = self._device.interfaces.get(route.interface or "")
        if route.mtu_bytes is None or interface is None:
            return
        least = IPV6_LEAST_MTU_BYTES if route.to.family is Family.IPV6 else 68
        if route.mtu_bytes < least:
            self._report((*path, "mtu"), str(route.mtu_bytes), f"at least {least} in {route.to.family.title}")
        elif route.mtu_bytes > interface.mtu_bytes and interface.carries(route.to.family):
            expected = f"at most {interface.mtu_bytes}, the MTU of {interface.name}"
            self._report((*path, "mtu"), str(route.mtu_bytes), expected)

    def _is_broadcast(self, address: Address) -> bool:
        """Whether IPv4 takes the address for all on one of the device's links (RFC 919)."""
        entries = (entry for interface in self._device.interfaces.values() for entry in interface.addresses)
        return address.family is Family.IPV4 and any(
            entry.prefix.length < 31 and entry.prefix.family is Family.IPV4 and address.value == entry.prefix.last
            for entry in entries
        )

    def _check_source(self, path: Path, route: DeviceRoute) -> None:
        source = route.source_address
        if source is not None and source.family is route.to.family and source not in self._own:
            self._report((*path, "source"), f'"{source}"', f"an address of {self._device.id} itself")

    def _check_place(self, path: Path, route: DeviceRoute) -> None:
        """Linux refuses a second route of one prefix and metric: "File exists"."""
        metric = _DEFAULT_METRIC[route.to.family] if route.metric is None else route.metric
        earlier = self._taken.setdefault((route.to, metric), f"routes[{path[-1]}]")
        if earlier != f"routes[{path[-1]}]":
            found = f"{show(str(route.to))} with metric {metric}, as {earlier} has already"
            self._report(path, found, "another metric")
