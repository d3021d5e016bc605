"""The cloud's machines in the words of generic devices, for whoever draws probes: addresses, ports and MTUs.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dsflow.dataplane.index import INTERNET_MTU_BYTES, VCN_MTU_BYTES
from dsflow.model.cluster import Listener
from dsflow.model.devices import DeviceInterface, GenericDevice, InterfaceAddress
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Prefix

__all__ = ["id_of", "with_machines"]


def with_machines(topology: Topology) -> Topology:
    """The topology with its pods, nodes, load balancers and Internet hosts as generic devices beside the others.

    Each is alone on a link of its own: nothing is put straight onto its wire.
    """
    found = {machine.name: machine for machine in _machines(topology)}
    return replace(topology, devices={**topology.devices, **found}) if found else topology


def id_of(device: GenericDevice) -> str:
    """The id of the device, or of the machine that it stands for."""
    return device.name if "/" in device.name else device.id


def _machines(topology: Topology) -> Iterator[GenericDevice]:
    for node in topology.nodes.values():
        yield _machine(topology, node.id, node.subnet, (node.ipv4, node.ipv6), node.listen)
    for pod in topology.pods.values():
        if not pod.host_network:
            yield _machine(topology, pod.id, pod.subnet, (pod.ipv4, pod.ipv6), pod.listen)
    for balancer in topology.load_balancers.values():
        services = (one for one in topology.services.values() if one.load_balancer == balancer.id)
        listen = [Listener(port.protocol, port.port) for service in services for port in service.ports]
        yield _machine(topology, balancer.id, balancer.subnet, (balancer.ipv4, balancer.ipv6), listen)
    for host in topology.internet.values():
        yield _machine(topology, host.id, None, (host.ipv4, host.ipv6), host.listen)


def _machine(
    topology: Topology,
    id_: str,
    subnet: str | None,
    addresses: Iterable[Address | None],
    listen: Iterable[Listener],
) -> GenericDevice:
    interface = DeviceInterface(
        name="eth0",
        link=f"wire/{id_}",
        mtu_bytes=INTERNET_MTU_BYTES if subnet is None else VCN_MTU_BYTES,
        addresses=tuple(_entry(topology, subnet, address) for address in addresses if address is not None),
    )
    return GenericDevice(name=id_, interfaces={"eth0": interface}, listen=tuple(listen))


def _entry(topology: Topology, subnet: str | None, address: Address) -> InterfaceAddress:
    """The address with its subnet's prefix, so that its empty places are aimed at too."""
    prefixes = () if subnet is None else topology.subnets[subnet].prefixes(address.family)
    around = next((prefix for prefix in prefixes if address in prefix), None)
    return InterfaceAddress(address=address, prefix=around or Prefix.around(address, address.family.bits))
