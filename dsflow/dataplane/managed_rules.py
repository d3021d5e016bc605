"""The security rules that OKE's cloud controller adds to the security lists of subnets, for load balancers.

Source: oracle/oci-cloud-controller-manager v1.35.0, pkg/cloudprovider/providers/oci/load_balancer_security_lists.go,
and docs.oracle.com ContEng/Concepts/contengnetworkconfig.htm (2025).  In the mode All the load balancer's subnet lets
clients in to its listeners, and out to the nodes' subnets; those let in the load balancer's subnet, or the clients
themselves where the load balancer does not hide them, at node ports and health checks.  Frontend is the first of
these alone.  A flexible load balancer has the mode All unless told otherwise, a network one has None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from dsflow.dataplane.index import Index
from dsflow.dataplane.kube_proxy_health import HEALTHZ
from dsflow.model.controller import preserves_source, rule_mode
from dsflow.model.security import ManagedRules, SecurityRule
from dsflow.model.services import LoadBalancer, Service
from dsflow.model.topology import Profile
from dsflow.net.address import Family, Prefix
from dsflow.net.ranges import PortRange

__all__ = ["managed_rules"]


def managed_rules(index: Index) -> dict[str, ManagedRules]:
    """By subnet, the rules that the controller adds to its security lists; in the article there is no controller."""
    topology = index.topology
    if topology.profile is Profile.ARTICLE:
        return {}
    found = defaultdict[tuple[str, str], list[SecurityRule]](list)
    for service in topology.services.values():
        balancer = index.service_ends.front(service)
        if balancer is not None and balancer.backends == "nodes" and index.service_ends.refusal(service) is None:
            for subnet, side, rule in _rules(service, balancer, index):
                found[subnet, side].append(rule)
    return {
        name: ManagedRules(
            name=name,
            vcn=topology.subnets[name].vcn,
            ingress=tuple(found[name, "ingress"]),
            egress=tuple(found[name, "egress"]),
        )
        for name in dict.fromkeys(subnet for subnet, _ in found)
    }


def _rules(service: Service, balancer: LoadBalancer, index: Index) -> Iterator[tuple[str, str, SecurityRule]]:
    """Subnet, side and rule."""
    mode = rule_mode(service, balancer, index.topology)
    if mode not in ("All", "Frontend"):
        return
    clients = service.source_ranges or _everybody(service)
    for port in service.ports:
        yield from ((balancer.subnet, "ingress", _rule(service, peer, port.protocol, port.port)) for peer in clients)
    if mode == "Frontend":
        return
    families = service.families if balancer.is_network else (Family.IPV4,)
    ports = [(port.protocol, index.service_ends.node_port(service, port)) for port in service.ports]
    health = "tcp", index.service_ends.health_check_ports.get(service.id, HEALTHZ)
    nodes = dict.fromkeys(node.subnet for node in index.service_ends.nodes(service))
    own = _prefixes([balancer.subnet], families, index)
    kept = balancer.is_network and preserves_source(service, index.topology)
    for protocol, number in (*ports, health):
        for peer in _prefixes(nodes, families, index):
            yield balancer.subnet, "egress", _rule(service, peer, protocol, number)
        askers = clients if kept and (protocol, number) != health else own
        for subnet in nodes:
            yield from ((subnet, "ingress", _rule(service, peer, protocol, number)) for peer in askers)


def _everybody(service: Service) -> tuple[Prefix, ...]:
    """The controller adds ::/0 only where the Service has IPv6."""
    return tuple(Prefix(family, 0, 0) for family in service.families)


def _prefixes(subnets: Iterable[str], families: Iterable[Family], index: Index) -> list[Prefix]:
    some = [index.topology.subnets[name] for name in subnets]
    return [prefix for family in families for subnet in some for prefix in subnet.prefixes(family)]


def _rule(service: Service, peer: Prefix, protocol: str, number: int) -> SecurityRule:
    return SecurityRule(peer=peer, protocol=protocol, dport=PortRange(number, number), source=service.source)
