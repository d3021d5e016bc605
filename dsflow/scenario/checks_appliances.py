"""What an author should know of rules that lead through an appliance: findings, never errors."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.devices import GenericDevice
from dsflow.model.topology import Topology
from dsflow.model.vcn import RouteTable, Subnet
from dsflow.net.address import Family, Prefix
from dsflow.scenario.checks_findings import rule_path
from dsflow.scenario.checks_private_ip import forwarder, why_it_carries_nothing
from dsflow.scenario.parsed import Parsed

__all__ = ["half_of_each_connection", "rules_back_to_their_own_subnet", "rules_to_vnics_that_check"]


def rules_to_vnics_that_check(topology: Topology, parsed: Parsed) -> None:
    """A VNIC that checks source and destination is no next hop (managingroutetables.htm, read 2025-03)."""
    for table in topology.route_tables.values():
        for rule in table.rules:
            if note := why_it_carries_nothing(rule, topology):
                parsed.note(rule_path(table, rule, parsed), note)


def rules_back_to_their_own_subnet(topology: Topology, parsed: Parsed) -> None:
    """What an appliance sends on goes by the table of its own subnet, unless its VNIC has one."""
    for subnet in topology.subnets.values():
        table = topology.route_tables.get(subnet.route_table or "")
        for rule in table.rules if table else ():
            found = forwarder(rule, topology)
            if table and found and found[1].subnet == subnet.name and found[1].route_table in (None, table.name):
                note = f"{rule.target} is in subnet {subnet.name} itself, so what it sends on comes back to it"
                parsed.note(rule_path(table, rule, parsed), note)


def half_of_each_connection(topology: Topology, parsed: Parsed) -> None:
    """A gateway leads what enters through an appliance, and the subnet does not lead back to it in that family."""
    for name, gateway in topology.gateways.items():
        table = topology.route_tables.get(gateway.route_table or "")
        for rule in table.rules if table else ():
            found = forwarder(rule, topology)
            if found is None or not isinstance(rule.destination, Prefix):
                continue
            device, vnic = found
            for subnet in _subnets_in(rule.destination, gateway.vcn, topology):
                if subnet.name != vnic.subnet and not _leads_back(subnet, device, rule.destination.family, topology):
                    note = (
                        f"its rule {rule.destination} leads to {device.id}, and no table in subnet {subnet.name} leads "
                        f"{rule.destination.family.title} back there: it sees half of each connection"
                    )
                    parsed.note(("gateways", name, "route_table"), note)


def _subnets_in(prefix: Prefix, vcn: str, topology: Topology) -> Iterator[Subnet]:
    for subnet in topology.subnets.values():
        if subnet.vcn == vcn in topology.vcns and any(prefix.overlaps(own) for own in subnet.prefixes(prefix.family)):
            yield subnet


def _leads_back(subnet: Subnet, device: GenericDevice, family: Family, topology: Topology) -> bool:
    """Whether a table there has a rule to the appliance for something outside the VCN."""
    inside = topology.vcns[subnet.vcn].prefixes(family)
    for table in _tables_in(subnet, topology):
        for rule in table.rules:
            found, to = forwarder(rule, topology), rule.destination
            outside = isinstance(to, Prefix) and to.family is family and not any(to in prefix for prefix in inside)
            if outside and found is not None and found[0] is device:
                return True
    return False


def _tables_in(subnet: Subnet, topology: Topology) -> Iterator[RouteTable]:
    """The tables that serve something in a subnet."""
    names = [subnet.route_table]
    names += [node.route_table for node in topology.nodes.values() if node.subnet == subnet.name]
    names += [pod.route_table for pod in topology.pods.values() if pod.subnet == subnet.name]
    for device in topology.devices.values():
        names += [vnic.route_table for vnic in device.interfaces.values() if vnic.subnet == subnet.name]
    for name in dict.fromkeys(names):
        table = topology.route_tables.get(name or "")
        if table is not None:
            yield table
