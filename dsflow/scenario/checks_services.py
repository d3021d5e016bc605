"""What must hold of the families, ranges and load balancers of Services, and what their author should know."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.annotated import shortens
from dsflow.model.cluster import Pod
from dsflow.model.controller import (
    IPV6_LABEL,
    balancer_of,
    is_mixed,
    labels_are_written,
    node_subnets_lacking,
    rule_mode,
)
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.model.topology import Profile, Topology
from dsflow.net.address import Family
from dsflow.scenario.document import show
from dsflow.scenario.parsed import Parsed

__all__ = [
    "families",
    "families_that_are_missing",
    "headless",
    "load_balancers",
    "named_ports_that_nobody_has",
    "of_load_balancers_only",
    "source_ranges_without_effect",
]


def headless(topology: Topology, parsed: Parsed) -> None:
    """A headless Service is a ClusterIP Service without a ClusterIP."""
    for name, service in topology.services.items():
        if not service.headless:
            continue
        path = ("services", name, "headless")
        if service.type != "ClusterIP":
            parsed.report(path, f"true with type: {service.type}", "type: ClusterIP")
        if service.cluster_ipv4 is not None or service.cluster_ipv6 is not None:
            parsed.report(path, "true beside a ClusterIP", "one or the other")


def families(topology: Topology, parsed: Parsed) -> None:
    """Families, their policy and the ClusterIPs agree (kubernetes.io/docs, services-networking/dual-stack)."""
    for name, service in topology.services.items():
        path = ("services", name)
        written, policy = service.ip_families, service.ip_family_policy
        if len(set(written)) < len(written):
            parsed.report((*path, "ip_families"), f"{written[0]} twice", "every family once")
        if policy == "SingleStack" and len(written) > 1:
            parsed.report((*path, "ip_families"), "two families with SingleStack", "one")
        given = [family for family in Family if service.cluster_address(family) is not None]
        if policy == "SingleStack" and len(given) > 1:
            parsed.report((*path, "ip_family_policy"), "SingleStack with two ClusterIPs", "one ClusterIP")
        if policy == "RequireDualStack" and len(given) == 1:
            parsed.report((*path, "ip_family_policy"), "RequireDualStack with one ClusterIP", "both, or none")
        for family in given:
            if written and family not in service.families:
                key = f"cluster_{family}"
                parsed.report((*path, key), f"an {family.title} ClusterIP", f"{family} in ip_families")


def of_load_balancers_only(topology: Topology, parsed: Parsed) -> None:
    """Some keys are for type LoadBalancer, one of them under the policy Local only."""
    for name, service in topology.services.items():
        path = ("services", name)
        if service.source_ranges and service.type != "LoadBalancer":
            key = (*path, "load_balancer_source_ranges")
            parsed.report(key, f"ranges with type: {service.type}", "type: LoadBalancer")
        if service.health_check_node_port is not None and not service.has_health_check:
            found = f"{service.health_check_node_port} without type: LoadBalancer and external_traffic_policy: Local"
            parsed.report((*path, "health_check_node_port"), found, "both")


def load_balancers(topology: Topology, parsed: Parsed) -> None:
    """A flexible load balancer has an IPv4 address always; what is of one kind is not written of the other."""
    for name, balancer in topology.load_balancers.items():
        path = ("load_balancers", name)
        for key, found, expected in _misfits(balancer, topology):
            parsed.report((*path, *key), found, expected)


def _misfits(balancer: LoadBalancer, topology: Topology) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if not balancer.is_network:
        if balancer.ipv4 is None:
            yield (), "ipv4 is missing", "an IPv4 address, which every flexible load balancer has"
        if balancer.fail_open:
            yield ("is_fail_open",), "true with kind: flexible", "kind: network"
        if balancer.is_transparent:
            yield ("is_preserve_source_destination",), "true with kind: flexible", "kind: network"
        return
    if balancer.is_transparent:
        yield from _transparent_misfits(balancer, topology)
    elif topology.profile is Profile.ARTICLE:
        yield ("kind",), "network with profile: article, which knows proxies only", "profile: as-built"
    if balancer.ipv4 is None and balancer.ipv6 is None:
        yield (), "no address", "ipv4, ipv6 or both"
    if balancer.backends == "pods":
        yield ("backends",), "pods with kind: network, which the native ingress controller does not make", "nodes"


def _transparent_misfits(balancer: LoadBalancer, topology: Topology) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """A next hop in front of appliances: private, with no Service (NetworkLoadBalancer/preserve-source-id.htm)."""
    if balancer.public_ipv4 is not None:
        yield ("public_ipv4",), "a public address of a transparent load balancer", "none: it is private"
    if any(service.load_balancer == balancer.id for service in topology.services.values()):
        yield (), "transparent, and a Service's load balancer", "a load balancer of its own for the Service"
    vcn = topology.subnets[balancer.subnet].vcn if balancer.subnet in topology.subnets else None
    devices = {device.id: device for device in topology.devices.values()}
    for name in balancer.appliances:
        device = devices.get(name)
        subnets = [] if device is None else [vnic.subnet for vnic in device.interfaces.values()]
        if not any(subnet in topology.subnets and topology.subnets[subnet].vcn == vcn for subnet in subnets if subnet):
            yield ("appliances",), f'"{name}"', f"a device with a VNIC in VCN {vcn}"


def named_ports_that_nobody_has(topology: Topology, parsed: Parsed) -> None:
    """A pod without a port of the name is no end point of a Service port that targets it."""
    for name, service in topology.services.items():
        selected = topology.backends(service)
        for index, port in enumerate(service.ports):
            if isinstance(port.target_port, str) and selected and not any(_has(pod, port) for pod in selected):
                told = f"none of the {len(selected)} pods has a {port.protocol} port {show(port.target_port)}"
                parsed.note(("services", name, "ports", index, "target_port"), told)


def _has(pod: Pod, port: ServicePort) -> bool:
    named = dict(pod.ports).get(str(port.target_port))
    return named is not None and named.protocol == port.protocol


def source_ranges_without_effect(topology: Topology, parsed: Parsed) -> None:
    """Ranges are kept by security rules that the controller writes, and leave out the families they do not name."""
    for name, service in _behind(topology):
        balancer = balancer_of(service, topology)
        if not service.source_ranges or balancer is None:
            continue
        path = ("services", name, "load_balancer_source_ranges")
        if rule_mode(service, balancer, topology) == "None":
            told = f"the cloud controller writes no security rules for {balancer.id} (mode None): they keep nobody out"
            asking = "; kube-proxy still refuses who asks from nodes and pods" if shortens(service) else ""
            parsed.note(path, f"{told} there{asking}")
            continue
        for family in service.families:
            if balancer.address(family) is not None and not any(p.family is family for p in service.source_ranges):
                parsed.note(path, f"no {family.title} range, so that {family.title} clients are kept out")


def families_that_are_missing(topology: Topology, parsed: Parsed) -> None:
    """What a Service serves and its load balancer does not, or the other way round, with the controller's reason."""
    for name, service in _behind(topology):
        balancer = balancer_of(service, topology)
        if balancer is not None and balancer.subnet in topology.subnets:
            for told in _missing(service, balancer, topology):
                parsed.note(("services", name), told)


def _missing(service: Service, balancer: LoadBalancer, topology: Topology) -> Iterator[str]:
    subnet = topology.subnets[balancer.subnet]
    for family in Family:
        address = balancer.address(family)
        if family not in service.families:
            if address is not None and service.ip_families:
                yield f"{balancer.id} has an {family.title} address, which the Service does not serve"
            continue
        if address is None and service.ip_family_policy in ("PreferDualStack", "RequireDualStack"):
            why = "" if subnet.prefixes(family) else f": {subnet.id} has no {family.title} prefix"
            yield f"{service.ip_family_policy}, but {balancer.id} has no {family.title} address{why}"
        elif address is not None and family is Family.IPV6 and balancer.is_network:
            yield from _without_back_ends(balancer, topology)
            shared = sorted({port.port for port in service.ports if is_mixed(service, port)})
            if shared:
                ports = ", ".join(map(str, shared))
                yield f"TCP and UDP share port {ports}, for which the cloud controller makes no IPv6 back ends"


def _without_back_ends(balancer: LoadBalancer, topology: Topology) -> Iterator[str]:
    """Why an IPv6 address leads nowhere: subnets of nodes, or their label."""
    lacking = node_subnets_lacking(Family.IPV6, topology)
    nodes = [node for node in topology.nodes.values() if node.ipv6 is not None]
    if lacking:
        yield f"{balancer.id} has an IPv6 address, but subnet/{lacking[0]} of the nodes no IPv6 prefix: no listener"
    elif (
        not topology.has_virtual_nodes
        and labels_are_written(topology)
        and not any(IPV6_LABEL in dict(node.labels) for node in nodes)
    ):
        yield f"{balancer.id} has an IPv6 address, but no node with one bears the label {IPV6_LABEL}: no back end"


def _behind(topology: Topology) -> Iterator[tuple[str, Service]]:
    """The Services behind load balancers that the cloud controller makes."""
    if topology.profile is Profile.AS_BUILT:
        for name, service in topology.services.items():
            if service.load_balancer is not None:
                yield name, service
