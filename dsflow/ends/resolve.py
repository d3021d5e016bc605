"""Names and addresses as the ends of questions, resolved against the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from dsflow.ends.end import End, balancer_end, internet_end, node_end
from dsflow.errors import NotModelledError, UsageError, did_you_mean
from dsflow.model.cluster import Listener, Node, Pod
from dsflow.model.controller import refusals
from dsflow.model.devices import GenericDevice
from dsflow.model.internet import InternetHost
from dsflow.model.services import LoadBalancer, Service
from dsflow.model.topology import Profile, Topology
from dsflow.model.vcn import DynamicRoutingGateway, NatGateway
from dsflow.net.address import Address, Family, Prefix
from dsflow.trace.chain import PathType

if TYPE_CHECKING:
    from dsflow.dataplane.names import Names

__all__ = ["Ends"]


UNMODELLED = {
    Prefix.parse("0.0.0.0/8"): "the network itself (RFC 1122 section 3.2.1.3)",
    Prefix.parse("127.0.0.0/8"): "loopback (RFC 1122 section 3.2.1.3)",
    Prefix.parse("169.254.0.0/16"): "link-local space (RFC 3927), and with it the instance metadata service,",
    Prefix.parse("224.0.0.0/4"): "multicast (RFC 5771)",
    Prefix.parse("240.0.0.0/4"): "reserved space and broadcast (RFC 1112, RFC 919)",
    Prefix.parse("::/128"): "the unspecified address (RFC 4291)",
    Prefix.parse("::1/128"): "loopback (RFC 4291)",
    Prefix.parse("fe80::/10"): "link-local space (RFC 4291)",
    Prefix.parse("ff00::/8"): "multicast (RFC 4291)",
}
"""Destinations that are no unicast address of a network, with what they are."""

_LINUX_KNOWS = tuple(map(Prefix.parse, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4", "::/127")))


class Ends:
    """The ends of one topology, by id or by address."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._known: dict[str, End] = {}

    @property
    def tracks_connections(self) -> bool:
        """Whether any generic device keeps track of connections."""
        return any(device.tracks_connections for device in self._topology.devices.values())

    @property
    def knows_services(self) -> bool:
        """Whether Services can be asked for inside the cluster: the article does not say how they are reached."""
        return self._topology.profile is Profile.AS_BUILT

    def origin(self, text: str) -> End:
        """The end that sends.

        Raises
        ------
        UsageError
            For a name that is unknown or cannot send.
        """
        end = self._known.get(text) or self.target(text)
        if end.device is None:
            raise UsageError(f'"{text}": packets start at a pod, node, load balancer, Internet host or generic device')
        return end

    def sender(self, text: str) -> End:
        """Whatever can put a packet onto a wire: an end that sends, but also a gateway or a VCN's fabric.

        Raises
        ------
        UsageError
            For a name that is unknown or is no device.
        """
        if text in self._vcn_ids() or any(text == gateway.id for gateway in self._topology.gateways.values()):
            return End(id=text, kind=text.partition("/")[0], device=text)
        return self.origin(text)

    def destination(self, text: str, origin: End) -> End:
        """The end that a packet's destination address is.

        Raises
        ------
        NotModelledError
            For a multicast or link-local address, and for loopback and reserved ones unless a generic device
            sends there: Linux knows what to do with them.
        """
        address = Address.parse(text)
        if origin.kind == "device" and any(address in prefix for prefix in _LINUX_KNOWS):
            return End(id=text, kind="address", inside=_pair(address), outside=_pair(address))
        return self.target(text)

    def target(self, text: str) -> End:
        """The end that is asked: an id, or an address of either family.

        Raises
        ------
        UsageError
            For a name that is unknown or is no end, such as a gateway.
        NotModelledError
            For a multicast, loopback, link-local or reserved address.
        """
        end = self._known.get(text)
        if end is None:
            end = self._known[text] = self._resolve(text)
        return end

    def path_type(self, origin: End, target: End) -> PathType | None:
        """The kind of path between two ends; None where the scenario has no cluster or neither end is in it.

        Between pods of two VCNs it is *vcn-internal*: they are not of one pod network.
        """
        if not self._topology.nodes:
            return None
        if self._is_on_premises(origin) or self._is_on_premises(target):
            peer = target if self._is_on_premises(origin) else origin
            in_cluster = peer.kind != "device" and not self._is_outside(peer) and not self._is_on_premises(peer)
            return PathType.ON_PREMISES if in_cluster else None
        if self._is_outside(origin):
            return None if self._is_outside(target) else PathType.INGRESS
        if self._is_outside(target):
            return PathType.EGRESS
        if origin.kind == "pod" and target.kind == "pod" and origin.vcn == target.vcn:
            return PathType.SAME_NODE if self._share_a_node(origin, target) else PathType.CROSS_NODE
        return PathType.VCN_INTERNAL

    def _share_a_node(self, one: End, other: End) -> bool:
        """Whether two pods are on one node; those of a virtual node are machines of their own."""
        virtual = one.node is not None and self._topology.nodes[one.node].virtual
        return one.device == other.device if virtual else one.node == other.node

    def _is_outside(self, end: End) -> bool:
        return end.kind == "internet"

    def _is_on_premises(self, end: End) -> bool:
        """A generic device outside every VCN, or an address that nobody has on such a device's link."""
        if end.kind == "device":
            return end.vcn is None
        return end.kind == "address" and any(
            address is not None and self._is_beyond_vcns(address) for address in end.inside
        )

    def _is_beyond_vcns(self, address: Address) -> bool:
        return self._is_linked(address) and not self._is_in_vcn(address)

    def _is_linked(self, address: Address) -> bool:
        return any(address in prefix for prefix in self._link_prefixes)

    @cached_property
    def _link_prefixes(self) -> tuple[Prefix, ...]:
        """What is on the links of generic devices, and what a DRG has routes for but for default ones."""
        drgs = [gateway for gateway in self._topology.gateways.values() if isinstance(gateway, DynamicRoutingGateway)]
        beyond = [route.to for gateway in drgs for route in gateway.routes if route.to.length]
        near = [entry.prefix for gateway in drgs for entry in gateway.addresses]
        on_links = [
            entry.prefix
            for device in self._topology.devices.values()
            for interface in device.interfaces.values()
            if interface.link in self._topology.links
            for entry in interface.addresses
        ]
        return (*on_links, *near, *beyond)

    def _resolve(self, text: str) -> End:
        if _looks_like_address(text):
            return self._by_address(text)
        kind, _, name = text.partition("/")
        topology = self._topology
        match kind:
            case "pod" if name in topology.pods:
                return self._pod(topology.pods[name])
            case "node" if name in topology.nodes:
                node = topology.nodes[name]
                return node_end(node, self._vcn(node.subnet), self._host_ports(name))
            case "internet" if name in topology.internet:
                return internet_end(topology.internet[name])
            case "lb" if name in topology.load_balancers:
                balancer = topology.load_balancers[name]
                return balancer_end(balancer, self._vcn(balancer.subnet), self._balancer_ports(name))
            case "service" if name in topology.services:
                return self._service(topology.services[name])
            case "device" if name in topology.devices:
                return self._device(topology.devices[name])
        if text in topology.devices:
            return self._device(topology.devices[text])
        if any(text == gateway.id for gateway in topology.gateways.values()) or text in self._vcn_ids():
            raise UsageError(f'"{text}": packets pass through it, but none begins or ends there')
        hint = did_you_mean(text, self._ids())
        raise UsageError(f'"{text}": no such pod, node, service, lb, internet host or device{hint}')

    def _vcn(self, subnet: str | None) -> str | None:
        return None if subnet is None else self._topology.subnets[subnet].vcn

    def _vcn_ids(self) -> set[str]:
        return {vcn.id for vcn in self._topology.vcns.values()}

    def _ids(self) -> Iterator[str]:
        topology = self._topology
        for things in (topology.pods, topology.nodes, topology.services, topology.load_balancers, topology.internet):
            yield from (thing.id for thing in things.values())
        for device in topology.devices.values():
            yield from (device.id, device.name)

    def _by_address(self, text: str) -> End:
        try:
            address = Address.parse(text)
        except ValueError as error:
            raise UsageError(str(error)) from None
        for prefix, what in UNMODELLED.items():
            if address in prefix:
                raise NotModelledError(f'"{text}": {what} is not modelled; ask for a unicast address')
        owner = self._owners.get(address)
        if owner is not None:
            known = self.target(owner)
            pair = _pair(address)
            return replace(known, id=text, inside=pair, outside=pair, service=None)
        inside = self._is_alone or self._is_linked(address) or address in self._translators
        inside = inside or self._is_in_vcn(address)
        return End(id=text, kind="address" if inside else "internet", inside=_pair(address), outside=_pair(address))

    def _is_in_vcn(self, address: Address) -> bool:
        return any(address in prefix for vcn in self._topology.vcns.values() for prefix in vcn.prefixes(address.family))

    @cached_property
    def _is_alone(self) -> bool:
        """Whether generic devices are all there is, so that no address is known to be the Internet's."""
        return bool(self._topology.devices) and not self._topology.vcns and not self._topology.internet

    @cached_property
    def _translators(self) -> set[Address]:
        """The NAT gateways' own addresses: the edge of the VCN, where nothing answers."""
        gateways = self._topology.gateways.values()
        return {gateway.public_ipv4 for gateway in gateways if isinstance(gateway, NatGateway)}

    @cached_property
    def _owners(self) -> dict[Address, str]:
        found: dict[Address, str] = {}
        topology = self._topology
        holders: list[Node | Pod | InternetHost | LoadBalancer] = [
            *topology.pods.values(),
            *topology.nodes.values(),
            *topology.internet.values(),
            *topology.load_balancers.values(),
        ]
        for holder in holders:
            public = getattr(holder, "public_ipv4", None)
            found |= {address: holder.id for address in (holder.ipv4, holder.ipv6, public) if address is not None}
        for service in topology.services.values():
            addresses = service.cluster_ipv4, service.cluster_ipv6
            found |= {address: service.id for address in addresses if address is not None}
        for device in topology.devices.values():
            found |= {address: device.id for family in Family for address in device.addresses(family)}
        return found

    def _pod(self, pod: Pod) -> End:
        if not pod.host_network:
            pair = pod.ipv4, pod.ipv6
            return End(
                id=pod.id,
                kind="pod",
                device=pod.id,
                node=pod.node,
                vcn=self._vcn(pod.subnet),
                inside=pair,
                outside=pair,
                listen=pod.listen,
            )
        node = self._topology.nodes[pod.node]
        host = node_end(node, self._vcn(node.subnet), pod.listen)
        return End(
            id=pod.id,
            kind="pod",
            device=node.id,
            node=node.name,
            vcn=host.vcn,
            inside=host.inside,
            outside=host.outside,
            listen=pod.listen,
        )

    def _device(self, device: GenericDevice) -> End:
        """A generic device: it is known by its first address of each family, wherever it is seen from."""
        ipv4, ipv6 = (next(iter(device.addresses(family)), None) for family in Family)
        subnet = next((vnic.subnet for vnic in device.interfaces.values() if vnic.subnet is not None), None)
        return End(
            id=device.id,
            kind="device",
            device=device.id,
            vcn=self._vcn(subnet),
            inside=(ipv4, ipv6),
            outside=(ipv4, ipv6),
            listen=device.listen,
        )

    def _host_ports(self, node: str) -> tuple[Listener, ...]:
        return tuple(
            port for pod in self._topology.pods.values() if pod.host_network and pod.node == node for port in pod.listen
        )

    def _balancer_ports(self, name: str) -> tuple[Listener, ...]:
        return tuple(
            Listener(port.protocol, port.port)
            for service in self._topology.services.values()
            if service.load_balancer == f"lb/{name}"
            for port in service.ports
        )

    def refusal(self, end: End) -> str | None:
        """Why the cloud controller builds no load balancer for an end that is a Service."""
        if end.service is None or not self.knows_services:
            return None
        return next((refusal.reason for refusal in refusals(end.service, self._topology)), None)

    @cached_property
    def names(self) -> Names:
        """The names of headless Services."""
        from dsflow.dataplane.names import Names  # only where there is one

        return Names(self._topology)

    def _service(self, service: Service) -> End:
        if service.headless:
            ports = self.names.ports(service)
        else:
            ports = tuple(Listener(port.protocol, port.port) for port in service.ports)
        beside: tuple[Address | None, Address | None] = (None, None)
        outside = beside
        if service.load_balancer is not None:
            balancer = self._topology.load_balancers[service.load_balancer.removeprefix("lb/")]
            beside = balancer.ipv4, balancer.ipv6
            outside = balancer.public_ipv4 or balancer.ipv4, balancer.ipv6
        return End(
            id=service.id,
            kind="service",
            inside=(service.cluster_ipv4, service.cluster_ipv6),
            outside=outside,
            beside=beside,
            listen=ports,
            service=service,
        )


def _looks_like_address(text: str) -> bool:
    return "/" not in text and (":" in text or text.replace(".", "").isdigit())


def _pair(address: Address) -> tuple[Address | None, Address | None]:
    return (address, None) if address.family is Family.IPV4 else (None, address)
