"""Everything that must hold between the objects of a scenario, as one table of checks.

A check takes the topology and reports through :class:`~dsflow.scenario.parsed.Parsed`; what is only worth knowing it
notes there.  It must bear with objects whose own references are wrong: those are reported where they stand, once.
"""

from __future__ import annotations

from dsflow.model.topology import Topology
from dsflow.scenario import (
    checks_annotations,
    checks_appliances,
    checks_assumptions,
    checks_cluster,
    checks_devices,
    checks_drg,
    checks_findings,
    checks_limits,
    checks_peering,
    checks_routes,
    checks_rules,
    checks_services,
    checks_tables,
    checks_vcn,
    checks_virtual_nodes,
)
from dsflow.scenario.parsed import Parsed

__all__ = ["run"]

_CHECKS = (
    checks_assumptions.assumptions,
    checks_vcn.vcn_prefixes,
    checks_vcn.overlapping_vcns,
    checks_vcn.subnet_prefixes,
    checks_vcn.overlapping_subnets,
    checks_tables.route_tables_in_use,
    checks_vcn.gateway_count,
    checks_vcn.service_labels,
    checks_vcn.route_rules,
    checks_tables.gateway_tables,
    checks_cluster.pods,
    checks_virtual_nodes.virtual_nodes,
    checks_cluster.services,
    checks_cluster.node_ports,
    checks_cluster.service_ranges,
    checks_services.headless,
    checks_services.families,
    checks_services.of_load_balancers_only,
    checks_services.load_balancers,
    checks_cluster.cluster_addresses,
    checks_cluster.public_addresses,
    checks_cluster.internet_hosts,
    checks_devices.device_names,
    checks_devices.interface_links,
    checks_devices.interface_addresses,
    checks_devices.prefixes_of_two_interfaces,
    checks_routes.routes,
    checks_drg.drg_links,
    checks_drg.drg_addresses,
    checks_drg.drg_routes,
    checks_peering.peerings,
    checks_rules.filters,
    checks_rules.translations,
    checks_cluster.duplicate_addresses,
    checks_cluster.questions,
)

_FINDINGS = (
    checks_findings.ipv6_rules_that_carry_nothing,
    checks_findings.rules_inside_their_own_subnet,
    checks_findings.rules_inside_the_vcn,
    checks_findings.hosts_inside_a_vcn,
    checks_findings.services_without_pods,
    checks_annotations.refusals,
    checks_annotations.without_effect,
    checks_annotations.contradictions,
    checks_services.families_that_are_missing,
    checks_services.source_ranges_without_effect,
    checks_services.named_ports_that_nobody_has,
    checks_findings.kube_proxy_in_the_article,
    checks_cluster.node_ports_out_of_range,
    checks_findings.internet_gateway_without_public_addresses,
    checks_appliances.rules_to_vnics_that_check,
    checks_appliances.rules_back_to_their_own_subnet,
    checks_devices.links_without_two_ends,
    checks_drg.drg_next_hops_that_nobody_has,
    checks_devices.mtus_without_ipv6,
    checks_devices.router_anycast_addresses,
    checks_appliances.half_of_each_connection,
    checks_peering.peerings_without_a_rule,
    checks_limits.prefixes_of_vcns,
    checks_limits.rules_of_tables,
    checks_limits.route_tables_of_vcns,
    checks_limits.addresses_of_vnics,
    checks_limits.pods_of_nodes,
    checks_virtual_nodes.policies_without_effect,
    checks_virtual_nodes.ports_of_pods,
    checks_virtual_nodes.annotations_without_effect,
)


def run(topology: Topology, parsed: Parsed) -> None:
    """Report every problem, and note the findings, where entries did not fit the schema only without such problems."""
    checks, finds = list(_CHECKS), list(_FINDINGS)
    if _has_security(topology):
        from dsflow.scenario import checks_policies, checks_security  # most scenarios need neither

        checks += [*checks_security.CHECKS, *checks_policies.CHECKS]
        finds += [*checks_security.FINDINGS, *checks_policies.FINDINGS]
    for check in checks:
        check(topology, parsed)
    if parsed.problems and (parsed.set_aside or parsed.items_aside):
        return  # of what was left out nothing can be said, nor of what it would have been to the rest
    for find in finds:
        find(topology, parsed)


def _has_security(topology: Topology) -> bool:
    """Whether anything is written of security lists, groups or policies, be it only a name."""
    written = topology.security_lists or topology.nsgs or topology.network_policies
    named = any(subnet.security_lists is not None for subnet in topology.subnets.values())
    grouped = any(node.nsgs or node.pod_nsgs for node in topology.nodes.values())
    grouped = grouped or any(balancer.nsgs for balancer in topology.load_balancers.values())
    vnics = (vnic for device in topology.devices.values() for vnic in device.interfaces.values())
    return bool(written) or named or grouped or any(vnic.nsgs for vnic in vnics)
