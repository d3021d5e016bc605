"""The fabric of a VCN: one virtual router that every subnet and gateway hangs on (its tables: ``vcn_routes``)."""

from __future__ import annotations

from collections.abc import Mapping

from dsflow.dataplane.action import Delay, Neighbor
from dsflow.dataplane.common import fabric_forward
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.index import Index
from dsflow.dataplane.public_addresses import exchange, exchanges_at_vnics
from dsflow.dataplane.sources import IcmpSources
from dsflow.dataplane.tables import Returns, RouteLookup, Routes, Senders
from dsflow.dataplane.vcn_routes import VcnRoutes
from dsflow.model.cluster import Node, Pod
from dsflow.model.services import LoadBalancer
from dsflow.model.vcn import Vcn
from dsflow.net.address import Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["compile_vcn", "virtual_router_addresses"]


def compile_vcn(vcn: Vcn, index: Index) -> Device:
    """The fabric: a routing table for each subnet, load balancer and gateway that hands it packets.

    Generic devices' VNICs with a table of their own have an interface of their own for it, since what they forward
    bears any source.  Nodes and pods are told by their addresses: their VNICs let out no others.
    """
    owners, fronts = _owners(vcn, index)
    made = VcnRoutes(vcn, index, owners)
    tables: dict[str | None, Routes] = {None: made.between}
    tables |= {subnet.id: made.of_subnet(subnet) for subnet in index.subnets_of(vcn.name)}
    tables |= {gateway.id: made.of_gateway(gateway) for gateway in index.gateways_of(vcn.name)}
    tables |= {front: tables[f"subnet/{subnet}"] for front, subnet in fronts.items()}
    for device, vnic in index.device_vnics(vcn.name):
        if vnic.route_table is not None and vnic.subnet is not None:
            holder = index.fabric_interface(device, vnic)
            tables[holder] = made.of_sender(holder, vnic.route_table, index.topology.subnets[vnic.subnet], vnic.source)

    edge = index.internet_gateway(vcn.name)
    exchanges = [exchange(edge, edge.id, index)] if edge is not None and exchanges_at_vnics(index) else []
    lookup = RouteLookup(tables=tables, senders=_senders(vcn, index, made))
    return Device(
        id=vcn.id,
        kind="vcn",
        interfaces={name: Interface(name=name) for name in tables if name is not None},
        receive=(*_returns(vcn, index), *(found.inbound for found in exchanges), lookup),
        forward=fabric_forward(index.topology),
        send=(lookup,),
        leave=tuple(found.outbound for found in exchanges),
        capabilities=tuple(found.capability for found in exchanges),
        icmp_sources=virtual_router_addresses(vcn, index),
        toll=Toll(forwarded=(Delay("fabric_ad"),), forwarded_new=(Delay("fabric_ad"),)),
        source=vcn.source,
    )


def _returns(vcn: Vcn, index: Index) -> tuple[Returns, ...]:
    """What brings answers back to network load balancers that keep their clients' addresses, where there are such."""
    topology = index.topology
    if topology.assumes("nlb-return-path") == "routed":
        return ()
    if not any(balancer.is_network for balancer in topology.load_balancers.values()):
        return ()
    from dsflow.dataplane.network_balancer import returns  # most scenarios have none

    return returns(vcn, index)


def _owners(vcn: Vcn, index: Index) -> tuple[dict[Family, dict[int, Neighbor]], dict[str, str]]:
    """Who has which address of the VCN, and of each load balancer the subnet by whose table it sends."""
    owners: dict[Family, dict[int, Neighbor]] = {family: {} for family in Family}
    fronts: dict[str, str] = {}
    for neighbor, holder, addresses in index.attachments(vcn.name):
        if isinstance(holder, LoadBalancer):
            fronts[holder.id] = holder.subnet
        for address in addresses:
            owners[address.family][address.value] = neighbor
    return owners, fronts


def _senders(vcn: Vcn, index: Index, made: VcnRoutes) -> Mapping[str, Senders]:
    """The tables of nodes' primary VNICs and of pods' addresses, by the subnet and the source."""
    found: dict[str, dict[tuple[int, int], Routes]] = {}
    topology = index.topology
    holders: list[Node | Pod] = [*topology.nodes.values(), *topology.pods.values()]
    for holder in holders:
        if holder.route_table is None or holder.subnet is None or topology.subnets[holder.subnet].vcn != vcn.name:
            continue
        subnet = topology.subnets[holder.subnet]
        table = made.of_sender(holder.id, holder.route_table, subnet, holder.source)
        addresses = (holder.ipv4, holder.ipv6)
        own = {(int(one.family), one.value): table for one in addresses if one is not None}
        found.setdefault(subnet.id, {}).update(own)
    return found


def virtual_router_addresses(vcn: Vcn, index: Index) -> IcmpSources:
    """The virtual router's address in each subnet: its first host address.

    By the example of the Oracle SDK's ``Subnet.virtual_router_ip``; as a rule, inferred.
    """
    rows: dict[int, dict[Prefix, int]] = {int(family): {} for family in Family}
    for subnet in index.subnets_of(vcn.name):
        for family in Family:
            for prefix in subnet.prefixes(family):
                rows[family][prefix] = prefix.first + 1
    return {family: {None: LongestPrefixTable(found.items())} for family, found in rows.items()}
