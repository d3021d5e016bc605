"""The network of a scenario as rows: VCNs, subnets, VNICs, routes, gateways and links."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.index import Index
from dsflow.model.cluster import Node, Pod
from dsflow.model.devices import DeviceRoute, GenericDevice, RouteType
from dsflow.model.services import LoadBalancer
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway, Gateway, LocalPeeringGateway, NatGateway, ServiceGateway
from dsflow.net.address import Family
from dsflow.query.entry import Entry
from dsflow.simulation import Simulation

__all__ = ["gateways", "links", "routes", "subnets", "vcns", "vnics"]


def vnics(simulation: Simulation) -> Iterator[Entry]:
    """Those of nodes, load balancers and generic devices, as the fabrics see them."""
    topology, index = simulation.topology, Index(simulation.topology)
    for vcn in topology.vcns.values():
        for way, holder, addresses in index.attachments(vcn.name):
            subnet, table = _place_of(holder, str(way.in_interface), index)
            families = [found.family for found in addresses]
            counts = families.count(Family.IPV4), families.count(Family.IPV6)
            cells = holder.id, way.in_interface, subnet, *counts, table or topology.subnets[subnet].route_table
            yield Entry(way.link.id, (*cells, vcn.name, tuple(addresses)))


def _place_of(
    holder: Node | Pod | LoadBalancer | GenericDevice, interface: str, index: Index
) -> tuple[str, str | None]:
    """The subnet of a VNIC, and the route table that it has itself."""
    if isinstance(holder, LoadBalancer):
        return holder.subnet, None
    if isinstance(holder, GenericDevice):
        vnic = holder.interfaces[interface]
        return str(vnic.subnet), vnic.route_table
    if isinstance(holder, Pod):
        return str(holder.subnet), holder.route_table
    subnets = {name: subnet for subnet, name in index.pod_vnics(holder.name).items()}
    return (subnets[interface], None) if interface in subnets else (holder.subnet, holder.route_table)


def vcns(simulation: Simulation) -> Iterator[Entry]:
    """VCNs with their prefixes, and the subnets of each."""
    topology = simulation.topology
    for vcn in topology.vcns.values():
        ipv6 = tuple(f"{entry.prefix} ({entry.origin})" for entry in vcn.ipv6)
        subnets = tuple(subnet.name for subnet in topology.subnets.values() if subnet.vcn == vcn.name)
        yield Entry(vcn.id, (vcn.name, vcn.ipv4, ipv6, subnets))


def subnets(simulation: Simulation) -> Iterator[Entry]:
    """Subnets."""
    for subnet in simulation.topology.subnets.values():
        access = "public" if subnet.public else "private"
        yield Entry(subnet.id, (subnet.name, subnet.ipv4, subnet.ipv6, access, subnet.route_table, subnet.vcn))


def routes(simulation: Simulation) -> Iterator[Entry]:
    """The rules of route tables, and the routes of devices and DRGs."""
    topology = simulation.topology
    for table in topology.route_tables.values():
        users = tuple(subnet.name for subnet in topology.subnets.values() if subnet.route_table == table.name)
        others = tuple(_other_users(table.name, topology))
        for number, rule in enumerate(table.rules, start=1):
            cells = table.name, rule.destination, rule.target, users, rule.source, others
            yield Entry(f"{table.id}#{number}", cells)
    for device in topology.devices.values():
        for number, route in enumerate(device.routes, start=1):
            yield Entry(f"{device.id}/routes#{number}", (device.id, route.to, _target(route), (), route.source, ()))
    for gateway in topology.gateways.values():
        if isinstance(gateway, DynamicRoutingGateway):
            for number, way in enumerate(gateway.routes, start=1):
                cells = gateway.id, way.to, f"{way.via} {gateway.link}", (), way.source, ()
                yield Entry(f"{gateway.id}/routes#{number}", cells)


def _other_users(table: str, topology: Topology) -> Iterator[str]:
    """The gateways, nodes, pods and devices' VNICs that a table serves."""
    holders: list[Gateway | Node | Pod] = [
        *topology.gateways.values(),
        *topology.nodes.values(),
        *topology.pods.values(),
    ]
    yield from (holder.id for holder in holders if holder.route_table == table)
    for device in topology.devices.values():
        yield from (f"{device.id}/{one.name}" for one in device.interfaces.values() if one.route_table == table)


def _target(route: DeviceRoute) -> str:
    """Where a device's route leads: a next hop, an interface, or what becomes of the packets instead."""
    if route.type is not RouteType.UNICAST:
        return str(route.type) if route.metric is None else f"{route.type} metric {route.metric}"
    way = str(route.interface) if route.via is None else f"{route.via} {route.interface}"
    more = (("metric", route.metric), ("mtu", route.mtu_bytes), ("src", route.source_address))
    return way + "".join(f" {name} {value}" for name, value in more if value is not None)


def gateways(simulation: Simulation) -> Iterator[Entry]:
    """Gateways of every kind."""
    for gateway in simulation.topology.gateways.values():
        public = gateway.public_ipv4 if isinstance(gateway, NatGateway) else None
        services = tuple(label for label, _ in gateway.services) if isinstance(gateway, ServiceGateway) else ()
        drg = gateway if isinstance(gateway, DynamicRoutingGateway) else None
        far = (drg.link, drg.addresses) if drg else (None, ())
        peer = gateway.peer_id if isinstance(gateway, LocalPeeringGateway) else None
        cells = gateway.name, gateway.id, gateway.vcn, gateway.enabled, public, services, *far
        yield Entry(gateway.id, (*cells, peer, gateway.route_table))


def links(simulation: Simulation) -> Iterator[Entry]:
    """Links of generic devices, with who is on each."""
    topology = simulation.topology
    for link in topology.links.values():
        ends = tuple(
            f"{device.name}:{interface.name}"
            for device in topology.devices.values()
            for interface in device.interfaces.values()
            if interface.link == link.name
        )
        ends += tuple(
            f"{gateway.id}:{gateway.link}"
            for gateway in topology.gateways.values()
            if isinstance(gateway, DynamicRoutingGateway) and gateway.link == link.name
        )
        kind = "point-to-point" if len(ends) <= 2 else "lan"
        yield Entry(f"link/{link.name}", (link.name, kind, len(ends), ends, link.source))
