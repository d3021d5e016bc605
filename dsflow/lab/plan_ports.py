"""Every interface of a topology on its wire, with the names, numbers and hardware addresses that the lab gives.

Beside the written links there are wires of the cloud: a subnet (``subnet/NAME``), where the fabric's virtual router
and the VNICs are; a pair between a pod and its node, and between a gateway and its VCN, named after pod or gateway;
one between the LPGs of a peering, named after both; and ``wire/internet``, where hosts and gateways are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from dsflow.dataplane.index import INTERNET_MTU_BYTES, VCN_MTU_BYTES, Index
from dsflow.dataplane.wiring import DRG_MTU_BYTES
from dsflow.lab.command import Port
from dsflow.model.cluster import Node
from dsflow.model.devices import DeviceInterface
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway, Gateway, LocalPeeringGateway, ServiceGateway, Vcn
from dsflow.net.address import Address, Family

__all__ = ["INTERNET", "next_hop", "ports_of"]

INTERNET = "wire/internet"
"""The wire on which Internet hosts and gateways reach each other directly."""

_FIRST_NUMBER = 10
"""Interface numbers follow the order written, because the kernel looks for addresses in that order."""


def ports_of(topology: Topology) -> tuple[Port, ...]:
    """The interfaces on wires: those of generic devices, then those of the cloud, device by device."""
    numbers = count()
    index = Index(topology)
    ports: list[Port] = []
    for device in topology.devices.values():
        ends = [_End(one, one.link) for one in device.interfaces.values() if one.link is not None]
        ports += _numbered(device.id, ends, next(numbers))
    for vcn in topology.vcns.values():
        ports += _numbered(vcn.id, list(_of_fabric(vcn, index)), next(numbers))
    for gateway in topology.gateways.values():
        ports += _numbered(gateway.id, list(_of_gateway(gateway)), next(numbers))
    for node in topology.nodes.values():
        ports += _numbered(node.id, list(_of_node(node, index)), next(numbers))
    for pod in topology.pods.values():
        if not pod.host_network:
            wire = f"subnet/{pod.subnet}" if topology.nodes[pod.node].virtual else pod.id
            ports += _numbered(pod.id, [_end("eth0", wire, VCN_MTU_BYTES)], next(numbers))
    for balancer in topology.load_balancers.values():
        ports += _numbered(balancer.id, [_end("eth0", f"subnet/{balancer.subnet}", VCN_MTU_BYTES)], next(numbers))
    for host in topology.internet.values():
        ports += _numbered(host.id, [_end("eth0", INTERNET, INTERNET_MTU_BYTES)], next(numbers))
    return tuple(ports)


class _End:
    """An interface and its wire, before it has a number."""

    def __init__(self, interface: DeviceInterface, link: str, alias: str | None = None) -> None:
        self.interface = interface
        self.link = link
        self.alias = alias


def _end(name: str, link: str, mtu_bytes: int, alias: str | None = None) -> _End:
    return _End(DeviceInterface(name=name, link=link, mtu_bytes=mtu_bytes), link, alias)


def _numbered(device: str, ends: list[_End], number: int) -> Iterator[Port]:
    """Ports with hardware addresses that tell device and place."""
    for place, end in enumerate(ends):
        mac = f"02:00:{number >> 8:02x}:{number & 0xFF:02x}:{place >> 8:02x}:{place & 0xFF:02x}"
        yield Port(device, end.interface, end.link, _FIRST_NUMBER + place, mac, end.alias)


def _of_fabric(vcn: Vcn, index: Index) -> Iterator[_End]:
    """The virtual router's interface in each subnet, which is the subnet's bridge, and those to gateways."""
    for number, subnet in enumerate(index.subnets_of(vcn.name)):
        yield _end(f"br{number}", subnet.id, VCN_MTU_BYTES, subnet.id)
    for number, gateway in enumerate(index.gateways_of(vcn.name)):
        yield _end(f"gw{number}", gateway.id, VCN_MTU_BYTES, gateway.id)


def _of_gateway(gateway: Gateway) -> Iterator[_End]:
    yield _end("vcn", gateway.id, VCN_MTU_BYTES, f"vcn/{gateway.vcn}")
    if isinstance(gateway, DynamicRoutingGateway):
        far = DeviceInterface(
            name="far", link=gateway.link, mtu_bytes=DRG_MTU_BYTES, addresses=gateway.addresses, source=gateway.source
        )
        yield _End(far, gateway.link, gateway.link)
    elif isinstance(gateway, LocalPeeringGateway):
        wire = "~".join(sorted((gateway.id, gateway.peer_id)))
        yield _end("peer", wire, VCN_MTU_BYTES, gateway.peer_id)
    else:
        name = "oracle-services" if isinstance(gateway, ServiceGateway) else "internet"
        yield _end(name, INTERNET, INTERNET_MTU_BYTES)


def _of_node(node: Node, index: Index) -> Iterator[_End]:
    """The primary VNIC, those for pods, and one end of a pair for each pod."""
    yield _end("eth0", f"subnet/{node.subnet}", VCN_MTU_BYTES)
    for subnet, name in index.pod_vnics(node.name).items():
        yield _end(name, f"subnet/{subnet}", VCN_MTU_BYTES)
    for number, pod in enumerate(index.pods_on.get(node.name, [])):
        yield _end(f"pod{number}", pod.id, VCN_MTU_BYTES, pod.id)


def next_hop(family: Family, number: int) -> Address:
    """A link-local address for the port of this number, by which routes name their next hop.

    Nobody bears it: a permanent neighbour leads from it to the port's hardware address.

    >>> str(next_hop(Family.IPV4, 258)), str(next_hop(Family.IPV6, 258))
    ('169.254.1.2', 'fe80::a9fe:102')
    """
    return Address(family, 0xA9FE_0000 + number + (0xFE80 << 112 if family is Family.IPV6 else 0))
