"""The model turned round: who is where, made once, so that each device can be compiled by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from dsflow.dataplane.action import Delay, Link, Neighbor
from dsflow.model.cluster import Machine, Node, Pod
from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.internet import Access, InternetHost
from dsflow.model.services import LoadBalancer
from dsflow.model.topology import Topology
from dsflow.model.vcn import Gateway, InternetGateway, NatGateway, ServiceGateway, Subnet, Vcn
from dsflow.net.address import Address

if TYPE_CHECKING:
    from dsflow.dataplane.policies import Policies
    from dsflow.dataplane.service_ends import ServiceEnds

__all__ = ["EDGE_LINK", "INTERNET_MTU_BYTES", "VCN_MTU_BYTES", "VETH_LINK", "Index"]

VCN_MTU_BYTES = 9000  # docs.oracle.com Network/Troubleshoot/connectionhang.htm (2024-10)
INTERNET_MTU_BYTES = 1500  # the same page

VETH_LINK = Link(id="veth", mtu_bytes=VCN_MTU_BYTES)
EDGE_LINK = Link(id="internet", mtu_bytes=INTERNET_MTU_BYTES)

DeviceVnic = tuple[GenericDevice, DeviceInterface]
"""A generic device and the interface of it that is a VNIC."""


class Index:
    """Look-ups over one topology that several devices need."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology

    @cached_property
    def service_ends(self) -> ServiceEnds:
        """What stands behind each Service."""
        from dsflow.dataplane.service_ends import ServiceEnds  # only where somebody asks for a Service

        return ServiceEnds(self.topology)

    @cached_property
    def policies(self) -> Policies:
        """What NetworkPolicies say of each pod."""
        from dsflow.dataplane.policies import Policies  # only where there are some

        return Policies(self.topology)

    @cached_property
    def pods_on(self) -> dict[str, list[Pod]]:
        """The pods with addresses of their own that a node runs, by managed node."""
        found: dict[str, list[Pod]] = defaultdict(list)
        for pod in self.topology.pods.values():
            if not pod.host_network and not self.topology.nodes[pod.node].virtual:
                found[pod.node].append(pod)
        return found

    @cached_property
    def pods_with_vnics(self) -> list[Pod]:
        """The pods of virtual nodes: each is a machine of the VCN, with a VNIC of its own."""
        return [pod for pod in self.topology.pods.values() if self.topology.nodes[pod.node].virtual]

    @cached_property
    def host_pods_on(self) -> dict[str, list[Pod]]:
        """The host-network pods, by node."""
        found: dict[str, list[Pod]] = defaultdict(list)
        for pod in self.topology.pods.values():
            if pod.host_network:
                found[pod.node].append(pod)
        return found

    def pod_vnics(self, node: str) -> dict[str, str]:
        """The node's pod VNICs: subnet name to interface name, ``eth1`` on, in order of the subnets' names."""
        subnets = sorted({pod.subnet for pod in self.pods_on.get(node, ()) if pod.subnet})
        return {subnet: f"eth{number}" for number, subnet in enumerate(subnets, start=1)}

    def has_security_rules(self, node: Node, subnet: str) -> bool:
        """Whether the node's VNIC in a subnet of pods has any security list or group."""
        return bool(node.pod_nsgs) or self.topology.subnets[subnet].security_lists is not None

    def vcn_of(self, subnet: str) -> Vcn:
        """The VCN of a subnet."""
        return self.topology.vcns[self.topology.subnets[subnet].vcn]

    def subnets_of(self, vcn: str) -> list[Subnet]:
        """The subnets of a VCN in the order written."""
        return [subnet for subnet in self.topology.subnets.values() if subnet.vcn == vcn]

    def gateways_of(self, vcn: str) -> list[Gateway]:
        """The gateways of a VCN in the order written."""
        return [gateway for gateway in self.topology.gateways.values() if gateway.vcn == vcn]

    @cached_property
    def gateways_by_id(self) -> dict[str, Gateway]:
        """Every gateway by device id."""
        return {gateway.id: gateway for gateway in self.topology.gateways.values()}

    def attachments(self, vcn: str) -> Iterator[tuple[Neighbor, Machine | LoadBalancer | GenericDevice, list[Address]]]:
        """Every VNIC in a VCN: how the fabric reaches it, whose it is, and its addresses there."""
        for node in self.topology.nodes.values():
            if self.topology.subnets[node.subnet].vcn == vcn:
                yield self.vnic(node, node.subnet, "eth0"), node, _present(node.ipv4, node.ipv6)
            for subnet, interface in self.pod_vnics(node.name).items():
                if self.topology.subnets[subnet].vcn == vcn:
                    pods = [pod for pod in self.pods_on[node.name] if pod.subnet == subnet]
                    addresses = [found for pod in pods for found in _present(pod.ipv4, pod.ipv6)]
                    yield self.vnic(node, subnet, interface), node, addresses
        for pod in self.pods_with_vnics:
            if pod.subnet is not None and self.topology.subnets[pod.subnet].vcn == vcn:
                yield self.vnic(pod, pod.subnet, "eth0"), pod, _present(pod.ipv4, pod.ipv6)
        for balancer in self.topology.load_balancers.values():
            if self.topology.subnets[balancer.subnet].vcn == vcn:
                yield self.front_vnic(balancer), balancer, _present(balancer.ipv4, balancer.ipv6)
        for device, vnic in self.device_vnics(vcn):
            yield self.device_vnic(device, vnic), device, [entry.address for entry in vnic.addresses]

    def device_vnics(self, vcn: str) -> Iterator[tuple[GenericDevice, DeviceInterface]]:
        """The interfaces of generic devices that are VNICs in a VCN."""
        for device in self.topology.devices.values():
            for interface in device.interfaces.values():
                if interface.subnet is not None and self.topology.subnets[interface.subnet].vcn == vcn:
                    yield device, interface

    @cached_property
    def route_targets(self) -> dict[Address, tuple[Neighbor, Node | LoadBalancer | DeviceVnic]]:
        """The addresses that a rule's private IP can be: how the fabric reaches each, and whose it is."""
        found: dict[Address, tuple[Neighbor, Node | LoadBalancer | DeviceVnic]] = {}
        for node in self.topology.nodes.values():
            way = self.vnic(node, node.subnet, "eth0")
            found |= dict.fromkeys(_present(node.ipv4, node.ipv6), (way, node))
        for balancer in self.topology.load_balancers.values():
            if balancer.is_transparent:
                way = self.front_vnic(balancer)
                found |= dict.fromkeys(_present(balancer.ipv4, balancer.ipv6), (way, balancer))
        for device, interface in (vnic for vcn in self.topology.vcns for vnic in self.device_vnics(vcn)):
            way = self.device_vnic(device, interface)
            found |= {entry.address: (way, (device, interface)) for entry in interface.addresses}
        return found

    def vnic(self, machine: Machine, subnet: str, interface: str) -> Neighbor:
        """A node's VNIC, or that of a pod on a virtual node, as the fabric sees it."""
        node = self.topology.nodes[machine.node] if isinstance(machine, Pod) else machine
        link = Link(
            id=f"{machine.id}/{interface}",
            mtu_bytes=VCN_MTU_BYTES,
            delays=(Delay("vnic"),),
            availability_domain=node.availability_domain,
        )
        return Neighbor(f"subnet/{subnet}", machine.id, interface, link)

    @staticmethod
    def front_vnic(balancer: LoadBalancer) -> Neighbor:
        """A load balancer as the fabric sees it."""
        link = Link(id=f"{balancer.id}/eth0", mtu_bytes=VCN_MTU_BYTES, delays=(Delay("vnic"),))
        return Neighbor(balancer.id, balancer.id, "eth0", link)

    @staticmethod
    def device_vnic(device: GenericDevice, interface: DeviceInterface) -> Neighbor:
        """A generic device's VNIC as the fabric sees it."""
        link = Link(id=f"{device.id}/{interface.name}", mtu_bytes=VCN_MTU_BYTES, delays=(Delay("vnic"),))
        return Neighbor(Index.fabric_interface(device, interface), device.id, interface.name, link)

    @staticmethod
    def fabric_interface(device: GenericDevice, interface: DeviceInterface) -> str:
        """The fabric's interface to a generic device's VNIC: the subnet's, or its own where it has a route table."""
        own = f"{device.id}/{interface.name}"
        return f"subnet/{interface.subnet}" if interface.route_table is None else own

    @staticmethod
    def attachment(gateway: Gateway) -> Link:
        """The link between a gateway and its VCN's fabric."""
        return Link(id=f"{gateway.id}/vcn", mtu_bytes=VCN_MTU_BYTES)

    @staticmethod
    def internet_link(host: InternetHost) -> Link:
        """The leg between the region's edge and a host on the Internet."""
        delays = [Delay("internet", host.distance_km)]
        if host.access is not Access.NONE:
            delays.append(Delay(f"access_{host.access}"))
        return Link(id=host.id, mtu_bytes=INTERNET_MTU_BYTES, delays=tuple(delays))

    @cached_property
    def public_ipv4(self) -> dict[str, dict[int, tuple[int, str]]]:
        """One-to-one public addresses by VCN: public IPv4 to private IPv4 and the place it was written."""
        found: dict[str, dict[int, tuple[int, str]]] = defaultdict(dict)
        holders: list[Node | LoadBalancer] = [
            *self.topology.nodes.values(),
            *self.topology.load_balancers.values(),
        ]
        for holder in holders:
            if holder.public_ipv4 is not None and holder.ipv4 is not None:
                vcn = self.topology.subnets[holder.subnet].vcn
                found[vcn][holder.public_ipv4.value] = (holder.ipv4.value, holder.source)
        return found

    def internet_gateway(self, vcn: str) -> InternetGateway | None:
        """The VCN's Internet gateway; OCI allows one."""
        return next((g for g in self.gateways_of(vcn) if isinstance(g, InternetGateway)), None)

    def nat_gateway(self, vcn: str) -> NatGateway | None:
        """The VCN's first NAT gateway."""
        return next((g for g in self.gateways_of(vcn) if isinstance(g, NatGateway)), None)

    def service_gateways_to(self, address: Address | None) -> list[ServiceGateway]:
        """The service gateways through which an Oracle service at ``address`` can be reached."""
        return [
            gateway
            for gateway in self.topology.gateways.values()
            if isinstance(gateway, ServiceGateway)
            and any(address in prefix for _, found in gateway.services for prefix in found if address)
        ]

    def vcn_holding(self, address: Address) -> Vcn | None:
        """The VCN whose prefix holds ``address``: what is inside is private to it, whatever its bits."""
        return next(
            (
                vcn
                for vcn in self.topology.vcns.values()
                for prefix in vcn.prefixes(address.family)
                if address in prefix
            ),
            None,
        )


def _present(ipv4: Address | None, ipv6: Address | None) -> list[Address]:
    return [address for address in (ipv4, ipv6) if address is not None]
