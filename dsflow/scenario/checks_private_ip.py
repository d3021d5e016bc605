"""What must hold of route rules that lead to a VNIC, and what their author should know.

docs.oracle.com Network/Tasks/managingroutetables.htm (read 2025-03).
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.cluster import Node
from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.services import LoadBalancer
from dsflow.model.topology import Topology
from dsflow.model.vcn import PRIVATE_IP, RouteRule, Subnet
from dsflow.net.address import Address, Prefix
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = ["check_private_ip", "forwarder", "subnet_of_next_hop", "target_of", "why_it_carries_nothing"]

_Holder = Node | LoadBalancer | tuple[GenericDevice, DeviceInterface]


def target_of(text: str) -> str:
    """The target of a rule, the address of a VNIC in the form in which addresses are written.

    >>> target_of("drg/office"), target_of("private-ip/FD00::0:9")
    ('drg/office', 'private-ip/fd00::9')

    Raises
    ------
    ValueError
        For a private IP that is no address.
    """
    return f"{PRIVATE_IP}{Address.parse(text.removeprefix(PRIVATE_IP))}" if text.startswith(PRIVATE_IP) else text


def check_private_ip(
    path: Path, destination: Prefix | str, target: str, vcn: str, topology: Topology, parsed: Parsed
) -> None:
    """The address is that of a VNIC in the table's VCN, and of the destination's family."""
    try:
        address = Address.parse(target.removeprefix(PRIVATE_IP))
    except ValueError as error:
        parsed.report(path, str(error), f"{PRIVATE_IP}ADDRESS")
        return
    if isinstance(destination, str):
        parsed.report(path, f'the service label "{destination}" to a private IP', "a prefix, or a service gateway")
    elif destination.family is not address.family:
        expected = f"the {destination.family.title} address of a VNIC, as {destination} is"
        parsed.report(path, f'"{target}"', expected)
    holder = _holders(topology).get(address)
    if holder is None and not (parsed.is_set_aside("nodes") or parsed.is_set_aside("devices")):
        expected = "an address of a node, of a device in a subnet, or of a transparent load balancer"
        parsed.report(path, f'"{target}", which no VNIC has that can be a next hop', expected)
    elif holder is not None and vcn and (subnet := _subnet_of(holder, topology)) and vcn != subnet.vcn:
        parsed.report(path, f'"{target}", a VNIC in VCN {subnet.vcn}', f"a VNIC in VCN {vcn}")


def why_it_carries_nothing(rule: RouteRule, topology: Topology) -> str | None:
    """Why a rule to a private IP is a blackhole, or None: its VNIC takes only what is addressed to it."""
    holder = None if rule.next_hop is None else _holders(topology).get(rule.next_hop)
    if isinstance(holder, Node):
        return f"{holder.id} checks source and destination, so a rule to {rule.target} carries nothing"
    if isinstance(holder, LoadBalancer):
        behind = [topology.devices.get(name.removeprefix("device/")) for name in holder.appliances]
        vnics = [(device, vnic) for device in behind if device for vnic in device.interfaces.values() if vnic.subnet]
        checks = [_check_of(device, vnic) for device, vnic in vnics if vnic.source_destination_check]
        return f"{holder.id} hands on in vain unless {' and '.join(checks)} is false" if checks else None
    if isinstance(holder, tuple) and holder[1].source_destination_check:
        return f"a rule to {rule.target} carries nothing unless {_check_of(*holder)} is false"
    return None


def _check_of(device: GenericDevice, vnic: DeviceInterface) -> str:
    return f"devices.{device.name}.interfaces.{vnic.name}.source_destination_check"


def _holders(topology: Topology) -> dict[Address, _Holder]:
    return dict(_all_holders(topology))


def _all_holders(topology: Topology) -> Iterator[tuple[Address, _Holder]]:
    for node in topology.nodes.values():
        yield from ((address, node) for address in (node.ipv4, node.ipv6) if address is not None)
    for balancer in topology.load_balancers.values():
        if balancer.is_transparent:
            yield from ((address, balancer) for address in (balancer.ipv4, balancer.ipv6) if address is not None)
    for device in topology.devices.values():
        for interface in device.interfaces.values():
            if interface.subnet is not None:
                yield from ((entry.address, (device, interface)) for entry in interface.addresses)


def _subnet_of(holder: _Holder, topology: Topology) -> Subnet | None:
    name = holder[1].subnet if isinstance(holder, tuple) else holder.subnet
    return topology.subnets.get(name or "")


def subnet_of_next_hop(rule: RouteRule, topology: Topology) -> Subnet | None:
    """The subnet of the VNIC that a rule leads to, where it leads to one that there is."""
    holder = None if rule.next_hop is None else _holders(topology).get(rule.next_hop)
    return None if holder is None else _subnet_of(holder, topology)


def forwarder(rule: RouteRule, topology: Topology) -> tuple[GenericDevice, DeviceInterface] | None:
    """The device and its VNIC that a rule leads to, where it takes what is not its own."""
    holder = None if rule.next_hop is None else _holders(topology).get(rule.next_hop)
    return holder if isinstance(holder, tuple) and not holder[1].source_destination_check else None
