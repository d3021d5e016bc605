"""Who is on a link, and who answers there for an address: the neighbours of generic devices.

On a link of its own a device has other devices and the far sides of DRGs as neighbours, in a subnet the VCN's
fabric alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from dsflow.dataplane.action import Delay, Link, Neighbor
from dsflow.dataplane.index import Index
from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway
from dsflow.net.address import Family

__all__ = ["DRG_MTU_BYTES", "Wiring", "nobody"]

DRG_MTU_BYTES = 1500  # of a FastConnect circuit it is 1500 or 9000 (Oracle SDK, VirtualCircuit.ip_mtu); the usual one


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """An interface on a link; ``link`` is how it sees it: its own MTU decides what leaves.

    ``near`` are the addresses of the interface, ``also`` what its machine answers for there besides.
    """

    device: str
    interface: str
    link: Link
    routes: bool
    near: Mapping[Family, tuple[int, ...]]
    also: Mapping[Family, tuple[int, ...]]


class Wiring:
    """The links of a topology with the interfaces on each, in the order written, DRGs last."""

    def __init__(self, topology: Topology) -> None:
        self._on_link: dict[str, list[_End]] = defaultdict(list)
        self._link_of: dict[tuple[str, str], str] = {}
        self._fabrics: dict[tuple[str, str], Neighbor] = {}
        for device in topology.devices.values():
            for interface in device.interfaces.values():
                if interface.subnet is not None:
                    vcn = topology.vcns[topology.subnets[interface.subnet].vcn]
                    self._fabrics[device.id, interface.name] = _vnic(device, interface, vcn.id)
                elif interface.link is not None:
                    self._add(interface.link, _device_end(device, interface))
        for gateway in topology.gateways.values():
            if isinstance(gateway, DynamicRoutingGateway):
                self._add(gateway.link, _gateway_end(gateway))

    def _add(self, link: str, end: _End) -> None:
        self._on_link[link].append(end)
        self._link_of[end.device, end.interface] = link

    def fabric(self, device: str, interface: str) -> Neighbor | None:
        """The way to the VCN's fabric, which takes all that leaves by an interface in a subnet."""
        return self._fabrics.get((device, interface))

    def peer(self, device: str, interface: str) -> Neighbor | None:
        """The other end of the link; of several the first that routes, else the first."""
        here, others = self._seen_from(device, interface)
        if here is None or not others:
            return self.fabric(device, interface)
        return _to(here, next((end for end in others if end.routes), others[0]))

    def owners(self, device: str, interface: str, family: Family) -> dict[int, Neighbor]:
        """Who answers on the interface's link for which address.

        IPv6 interfaces answer for their own addresses (RFC 4861), routers for the anycast address of their
        subnet too (RFC 4291 section 2.6.1).  In IPv4 a machine answers for all that it has, on whichever
        interface (arp_ignore 0, Documentation/networking/ip-sysctl.rst).
        """
        here, others = self._seen_from(device, interface)
        if here is None:
            return {}
        found = {value: _to(here, end) for end in others for value in end.near[family]}
        for end in others:
            for value in end.also[family]:
                found.setdefault(value, _to(here, end))
        return found

    def _seen_from(self, device: str, interface: str) -> tuple[_End | None, list[_End]]:
        """The interface's end of its link, and those of other devices."""
        ends = self._on_link.get(self._link_of.get((device, interface), ""), [])
        here = next((end for end in ends if (end.device, end.interface) == (device, interface)), None)
        return here, [end for end in ends if end.device != device]


def nobody(interface: DeviceInterface) -> Neighbor:
    """The way to an address that nobody on the link answers for."""
    return Neighbor(interface.name, None, None, _wire(interface))


def _to(here: _End, there: _End) -> Neighbor:
    return Neighbor(here.interface, there.device, there.interface, here.link)


def _wire(interface: DeviceInterface) -> Link:
    return Link(id=f"link/{interface.link}", mtu_bytes=interface.mtu_bytes)


def _vnic(device: GenericDevice, interface: DeviceInterface, vcn: str) -> Neighbor:
    link = Link(id=f"{device.id}/{interface.name}", mtu_bytes=interface.mtu_bytes, delays=(Delay("vnic"),))
    return Neighbor(interface.name, vcn, Index.fabric_interface(device, interface), link)


def _device_end(device: GenericDevice, interface: DeviceInterface) -> _End:
    return _End(
        device=device.id,
        interface=interface.name,
        link=_wire(interface),
        routes=bool(device.forwarding),
        near={family: tuple(entry.address.value for entry in interface.in_family(family)) for family in Family},
        also={family: _also_answered(device, interface, family) for family in Family},
    )


def _gateway_end(gateway: DynamicRoutingGateway) -> _End:
    values = {
        family: tuple(entry.address.value for entry in gateway.addresses if entry.address.family is family)
        for family in Family
    }
    return _End(
        device=gateway.id,
        interface=gateway.link,
        link=Link(id=f"link/{gateway.link}", mtu_bytes=DRG_MTU_BYTES),
        routes=True,
        near=values,
        also=dict.fromkeys(Family, ()),
    )


def _also_answered(device: GenericDevice, interface: DeviceInterface, family: Family) -> tuple[int, ...]:
    if family is Family.IPV4:
        return tuple(address.value for address in device.addresses(family))
    if family not in device.forwarding:
        return ()
    return tuple(entry.prefix.first for entry in interface.in_family(family) if entry.prefix.length < 127)
