"""What a machine chooses for a packet that it is about to make: its source, and on a given wire who gets it."""

from __future__ import annotations

from dsflow.dataplane.action import Action, Deliver, Forward, Neighbor, ToOwner
from dsflow.dataplane.compile import neighbors
from dsflow.dataplane.device import Device
from dsflow.dataplane.tables import RouteLookup
from dsflow.net.address import Family

__all__ = ["leads_by", "onto_wire", "source_address"]


def source_address(device: Device, family: Family, dst: int) -> int | None:
    """The source that a device with several addresses gives a packet to ``dst``.

    The route's own, else one of the interface that the packet leaves by (fib_result_prefsrc,
    ipv6_dev_get_saddr).  None where no route tells, or the device has one address only.
    """
    if device.own is None:
        return None
    action = _action(device, family, dst)
    if isinstance(action, Deliver):
        return device.own.toward_itself(family, dst)
    if not isinstance(action, Forward | ToOwner):
        return None
    if action.source is not None:
        return action.source
    gateway = action.next_hop if isinstance(action, Forward) else None
    interface = action.neighbor.out_interface if isinstance(action, Forward) else action.out_interface
    assert interface is not None
    toward = dst if gateway is None or family is Family.IPV6 else gateway
    return device.own.source(family, interface, toward)


def leads_by(device: Device, family: Family, dst: int, interface: str) -> bool:
    """Whether any route of a device, be it the best or not, leads to ``dst`` by an interface."""
    lookup = next(table for table in device.send if isinstance(table, RouteLookup))
    routes = lookup.tables[None]
    rows = (routes.ipv4 if family is Family.IPV4 else routes.ipv6).items()
    ways = (action for prefix, action in rows if prefix.first <= dst <= prefix.last)
    return any(
        (isinstance(action, Forward) and action.neighbor.out_interface == interface)
        or (isinstance(action, ToOwner) and action.out_interface == interface)
        for action in ways
    )


def onto_wire(device: Device, interface: str, family: Family, dst: int) -> Neighbor | None:
    """Who gets a packet that is put straight onto an interface's link.

    Whoever answers there for the destination, or has it by the device's routes; else the other end, of several
    the first that routes.
    None where the interface leads nowhere.
    """
    found = device.interfaces[interface]
    if found.peer is not None:
        return found.owners.get(family, {}).get(dst, found.peer)
    routed = _next_hop(_action(device, family, dst), dst)
    if routed is not None and routed.out_interface == interface and routed.device is not None:
        return routed
    others = (neighbor for neighbor in neighbors(device) if neighbor.out_interface == interface and neighbor.device)
    return next(others, None)


def _action(device: Device, family: Family, dst: int) -> Action | None:
    """What the device's routes say of packets made there."""
    lookup = next(table for table in device.send if isinstance(table, RouteLookup))
    routes = lookup.tables[None]
    return (routes.ipv4 if family is Family.IPV4 else routes.ipv6).lookup(dst)


def _next_hop(action: Action | None, dst: int) -> Neighbor | None:
    if isinstance(action, ToOwner):
        return action.owners.get(dst)
    return action.neighbor if isinstance(action, Forward) else None
