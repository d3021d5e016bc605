"""Who may use which route table, and what may stand in the table of a gateway.

docs.oracle.com Network/Tasks/managingroutetables.htm (read 2025-03) and managingIGs.htm (2026-09) for all gateways
and the Internet gateway's targets, lpg-add-route-table.htm and give-lpg-rt.htm (2026) for those of LPGs and DRGs.
That NAT and service gateways lead to private IPs alone, and only inside the VCN, is inferred from the Internet
gateway's rules; that a DRG may lead to a service gateway is documented and not modelled.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.topology import Topology
from dsflow.model.vcn import (
    PRIVATE_IP,
    DynamicRoutingGateway,
    Gateway,
    InternetGateway,
    LocalPeeringGateway,
    RouteRule,
    RouteTable,
    Vcn,
)
from dsflow.net.address import Prefix
from dsflow.scenario.checks_private_ip import subnet_of_next_hop
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = ["gateway_tables", "route_tables_in_use"]


def _users(topology: Topology) -> Iterator[tuple[Path, str, str | None]]:
    """Everything that has a route table: where that is written, its name, and the VCN of who has it."""
    for name, gateway in topology.gateways.items():
        if gateway.route_table is not None:
            yield ("gateways", name, "route_table"), gateway.route_table, gateway.vcn
    for collection in ("subnets", "nodes", "pods"):
        for name, holder in getattr(topology, collection).items():
            if holder.route_table is not None:
                subnet = holder if collection == "subnets" else topology.subnets.get(holder.subnet or "")
                vcn = None if subnet is None else subnet.vcn
                yield (collection, name, "route_table"), holder.route_table, vcn
    for name, device in topology.devices.items():
        for key, interface in device.interfaces.items():
            if interface.route_table is not None:
                subnet = topology.subnets.get(interface.subnet or "")
                path = ("devices", name, "interfaces", key, "route_table")
                yield path, interface.route_table, None if subnet is None else subnet.vcn


def route_tables_in_use(topology: Topology, parsed: Parsed) -> None:
    """A route table that something has exists, in the same VCN; host-network pods have their node's."""
    for path, given, vcn in _users(topology):
        table = topology.route_tables.get(given)
        if table is None:
            if not parsed.is_set_aside("route_tables", given):
                parsed.report_unknown(path, given, "route table", topology.route_tables)
        elif table.vcn and vcn and table.vcn != vcn:
            parsed.report(path, f'"{given}", a table of VCN {table.vcn}', f"a table of VCN {vcn}")
    for name, pod in topology.pods.items():
        if pod.host_network and pod.route_table is not None:
            found = "a route table with host_network: true"
            parsed.report(("pods", name, "route_table"), found, "one at the node, whose addresses it has")


def gateway_tables(topology: Topology, parsed: Parsed) -> None:
    """The rules of a gateway's table lead where what enters by the gateway may be led."""
    for name, gateway in topology.gateways.items():
        table = topology.route_tables.get(gateway.route_table or "")
        vcn = topology.vcns.get(gateway.vcn)
        if table is not None and vcn is not None and table.vcn == gateway.vcn:
            for rule in table.rules:
                _check_rule(("gateways", name, "route_table"), gateway, table, rule, vcn, topology, parsed)


def _check_rule(
    path: Path, gateway: Gateway, table: RouteTable, rule: RouteRule, vcn: Vcn, topology: Topology, parsed: Parsed
) -> None:
    found = f'"{table.name}", whose rule {rule.destination} ({rule.source}) leads to {rule.target}'
    kinds, words = _allowed(gateway)
    if not rule.target.startswith(kinds):
        parsed.report(path, found, f"rules to {words} in the table of {gateway.id}")
    elif isinstance(gateway, DynamicRoutingGateway | LocalPeeringGateway):
        return
    elif isinstance(rule.destination, Prefix) and not _is_inside(rule.destination, vcn):
        parsed.report(path, found, f"destinations inside VCN {vcn.name} in the table of {gateway.id}")
    elif isinstance(gateway, InternetGateway):
        subnet = subnet_of_next_hop(rule, topology)
        if subnet is not None and not subnet.public:
            parsed.report(path, f"{found} in the private subnet {subnet.name}", "a private IP in a public subnet")


def _allowed(gateway: Gateway) -> tuple[tuple[str, ...], str]:
    """How the targets begin that a gateway's table may have, and in words."""
    if isinstance(gateway, LocalPeeringGateway):
        return (PRIVATE_IP, "drg/"), "a private IP or a DRG"
    if isinstance(gateway, DynamicRoutingGateway):
        return (PRIVATE_IP, "lpg/"), "a private IP or an LPG"
    return (PRIVATE_IP,), "a private IP"


def _is_inside(prefix: Prefix, vcn: Vcn) -> bool:
    return any(prefix in whole for whole in vcn.prefixes(prefix.family))
