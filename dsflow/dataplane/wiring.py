"""Who is on a link, and who answers there for an address: the neighbours of generic devices."""

from __future__ import annotations

from collections import defaultdict

from dsflow.dataplane.action import Link, Neighbor
from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.topology import Topology
from dsflow.net.address import Family

__all__ = ["Wiring"]


class Wiring:
    """The links of a topology with the interfaces on each, in the order written."""

    def __init__(self, topology: Topology) -> None:
        self._ends: dict[str, list[tuple[GenericDevice, DeviceInterface]]] = defaultdict(list)
        for device in topology.devices.values():
            for interface in device.interfaces.values():
                if interface.link is not None:
                    self._ends[interface.link].append((device, interface))

    def others(self, device: GenericDevice, interface: DeviceInterface) -> list[tuple[GenericDevice, DeviceInterface]]:
        """The interfaces of other devices on the same link."""
        return [end for end in self._ends[interface.link or ""] if end[0] is not device]

    def to(self, interface: DeviceInterface, device: GenericDevice, theirs: DeviceInterface) -> Neighbor:
        """The way over the link from one interface to another."""
        return Neighbor(interface.name, device.id, theirs.name, wire(interface))

    def peer(self, device: GenericDevice, interface: DeviceInterface) -> Neighbor | None:
        """The other end of the link; of several the first that routes, else the first."""
        others = self.others(device, interface)
        if not others:
            return None
        other, theirs = next((end for end in others if end[0].forwarding), others[0])
        return self.to(interface, other, theirs)

    def owners(self, device: GenericDevice, interface: DeviceInterface, family: Family) -> dict[int, Neighbor]:
        """Who answers on the interface's link for which address.

        IPv6 interfaces answer for their own addresses (RFC 4861), routers for the anycast address of their
        subnet too (RFC 4291 section 2.6.1).  In IPv4 a machine answers for all that it has, on whichever
        interface (arp_ignore 0, Documentation/networking/ip-sysctl.rst).
        """
        found: dict[int, Neighbor] = {}
        others = self.others(device, interface)
        for other, theirs in others:
            way = self.to(interface, other, theirs)
            found |= {entry.address.value: way for entry in theirs.in_family(family)}
        for other, theirs in others:
            way = self.to(interface, other, theirs)
            for value in _also_answered(other, theirs, family):
                found.setdefault(value, way)
        return found


def wire(interface: DeviceInterface) -> Link:
    """The link as the interface sees it: its own MTU decides what leaves."""
    return Link(id=f"link/{interface.link}", mtu_bytes=interface.mtu_bytes)


def nobody(interface: DeviceInterface) -> Neighbor:
    """The way to an address that nobody on the link answers for."""
    return Neighbor(interface.name, None, None, wire(interface))


def _also_answered(device: GenericDevice, interface: DeviceInterface, family: Family) -> list[int]:
    if family is Family.IPV4:
        return [address.value for address in device.addresses(family)]
    if family not in device.forwarding:
        return []
    return [entry.prefix.first for entry in interface.in_family(family) if entry.prefix.length < 127]
