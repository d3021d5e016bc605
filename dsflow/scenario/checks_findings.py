"""What an author should know although the scenario can be used: findings, never errors."""

from __future__ import annotations

from dsflow.model.topology import Profile, Topology
from dsflow.model.vcn import InternetGateway, RouteRule, RouteTable, Subnet
from dsflow.net.address import Family, Prefix
from dsflow.scenario.checks_vcn import destination_of
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = [
    "hosts_inside_a_vcn",
    "internet_gateway_without_public_addresses",
    "ipv6_rules_that_carry_nothing",
    "kube_proxy_in_the_article",
    "rule_path",
    "rules_inside_the_vcn",
    "rules_inside_their_own_subnet",
    "services_without_pods",
]


def rule_path(table: RouteTable, rule: RouteRule, parsed: Parsed) -> Path:
    """Where a rule was written, its destination spelt as there."""
    rules = parsed.text.route_tables[table.name].rules
    return ("route_tables", table.name, "rules", next(t for t in rules if destination_of(t) == rule.destination))


def ipv6_rules_that_carry_nothing(topology: Topology, parsed: Parsed) -> None:
    """NAT and service gateways never carry IPv6 (docs.oracle.com, Network/Concepts/ipv6.htm, read 2026-09)."""
    for table in topology.route_tables.values():
        for rule in table.rules:
            ipv6 = isinstance(rule.destination, Prefix) and rule.destination.family is Family.IPV6
            if ipv6 and rule.target.startswith(("natgw/", "sgw/")):
                note = f"an IPv6 rule to {rule.target} carries nothing: such a gateway never carries IPv6"
                parsed.note(rule_path(table, rule, parsed), note)


def rules_inside_their_own_subnet(topology: Topology, parsed: Parsed) -> None:
    """Within a subnet nothing is routed (docs.oracle.com, Network/Tasks/managingroutetables.htm, read 2025-03)."""
    for subnet in topology.subnets.values():
        table = topology.route_tables.get(subnet.route_table or "")
        for rule in table.rules if table else ():
            if isinstance(rule.destination, Prefix) and _inside(rule.destination, subnet):
                assert table is not None
                note = f"never consulted for subnet {subnet.name}: within a subnet nothing is routed"
                parsed.note(rule_path(table, rule, parsed), note)


def _inside(prefix: Prefix, subnet: Subnet) -> bool:
    return any(prefix in own for own in subnet.prefixes(prefix.family))


def rules_inside_the_vcn(topology: Topology, parsed: Parsed) -> None:
    """Between subnets OCI leads to a private IP, an LPG or a DRG only (managingroutetables.htm, read 2025-03)."""
    for table in topology.route_tables.values():
        vcn = topology.vcns.get(table.vcn)
        if vcn is None:
            continue
        for rule in table.rules:
            destination = rule.destination
            inside = isinstance(destination, Prefix) and any(destination in p for p in vcn.prefixes(destination.family))
            if inside and rule.target.startswith(("igw/", "natgw/", "sgw/")):
                note = f"{destination} is inside VCN {vcn.name}, where OCI leads to a private IP, an LPG or a DRG only"
                parsed.note(rule_path(table, rule, parsed), note)


def hosts_inside_a_vcn(topology: Topology, parsed: Parsed) -> None:
    """A VCN's local route wins over the Internet, so such a host is out of reach from inside."""
    for name, host in topology.internet.items():
        for family in Family:
            address = host.address(family)
            for vcn in topology.vcns.values():
                for prefix in vcn.prefixes(family):
                    if address is not None and address in prefix:
                        note = f"{address} is in {prefix} of VCN {vcn.name}, whose local route wins over the Internet"
                        parsed.note(("internet", name, str(family)), note)


def services_without_pods(topology: Topology, parsed: Parsed) -> None:
    """A Service that selects no pod, or none that is ready, has nobody to serve."""
    for name, service in topology.services.items():
        selected = topology.backends(service)
        if not selected:
            parsed.note(("services", name), f"no pod of namespace {service.namespace} bears its selector's labels")
        elif not any(pod.ready for pod in selected):
            parsed.note(
                ("services", name),
                "its only pod is not ready" if len(selected) == 1 else f"none of its {len(selected)} pods is ready",
            )


def kube_proxy_in_the_article(topology: Topology, parsed: Parsed) -> None:
    """The article's account has no kube-proxy, so that what is said to it has no effect there."""
    if topology.profile is not Profile.ARTICLE:
        return
    for name, service in topology.services.items():
        said = {
            "external_traffic_policy": service.external_policy != "Cluster",
            "internal_traffic_policy": service.internal_policy != "Cluster",
            "session_affinity": service.session_affinity != "None",
            "load_balancer_source_ranges": bool(service.source_ranges),
            "annotations": bool(service.annotations),
        }
        for key in (key for key, is_said in said.items() if is_said):
            parsed.note(("services", name, key), "no effect with profile: article, which has no kube-proxy")


def internet_gateway_without_public_addresses(topology: Topology, parsed: Parsed) -> None:
    """IPv4 passes the Internet gateway with a public address only (managingIGs.htm, read 2026-09)."""
    with_public = {node.subnet for node in topology.nodes.values() if node.public_ipv4 is not None}
    with_public |= {b.subnet for b in topology.load_balancers.values() if b.public_ipv4 is not None}
    with_pods = {pod.subnet for pod in topology.pods.values() if pod.subnet and pod.ipv4 is not None}
    gateways = {g.id for g in topology.gateways.values() if isinstance(g, InternetGateway)}
    for name in sorted(with_pods - with_public):
        subnet = topology.subnets.get(name)
        table = topology.route_tables.get(subnet.route_table or "") if subnet else None
        for rule in table.rules if table else ():
            ipv4 = isinstance(rule.destination, Prefix) and rule.destination.family is Family.IPV4
            if table and ipv4 and rule.target in gateways:
                note = (
                    f"nothing in subnet {name} has a public IPv4 address, without which {rule.target} lets no IPv4 pass"
                )
                parsed.note(rule_path(table, rule, parsed), note)
