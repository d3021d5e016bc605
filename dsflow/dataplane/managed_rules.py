"""The security rules that OKE's cloud controller adds to security lists and groups, for load balancers.

Source: oracle/oci-cloud-controller-manager v1.35.0, pkg/cloudprovider/providers/oci/load_balancer_security_lists.go,
and docs.oracle.com ContEng/Concepts/contengnetworkconfig.htm (2025).  In the mode All the load balancer's subnet lets
clients in to its listeners, and out to the nodes' subnets; those let in the load balancer's subnet, or the clients
themselves where the load balancer does not hide them, at node ports and health checks.  Frontend is the first of
these alone.  A flexible load balancer has the mode All unless told otherwise, a network one has None.

In the mode NSG the load balancer is in a group of its own that lets clients in; where the Service names groups of the
back ends, it is let out to them, and they let it in (ContEng/Tasks/
contengconfiguringloadbalancersnetworkloadbalancers-subtopic.htm, 2025-02).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from dsflow.dataplane.common import single
from dsflow.dataplane.index import Index
from dsflow.model.annotated import backend_groups
from dsflow.model.controller import preserves_source, rule_mode
from dsflow.model.security import NSG, ManagedRules, SecurityRule
from dsflow.model.services import HEALTHZ, LoadBalancer, Service
from dsflow.model.topology import Profile
from dsflow.net.address import Family, Prefix
from dsflow.net.ranges import PortRange

__all__ = ["managed_rules"]


def managed_rules(index: Index) -> dict[str, ManagedRules]:
    """The rules that the controller adds, by the id of the subnet, group or load balancer that they are for.

    In the article there is no controller.
    """
    topology = index.topology
    if topology.profile is Profile.ARTICLE:
        return {}
    found = defaultdict[tuple[str, str], list[SecurityRule]](list)
    vcns: dict[str, str] = {}
    for service in topology.services.values():
        balancer = index.service_ends.front(service)
        if balancer is not None and balancer.backends == "nodes" and index.service_ends.refusal(service) is None:
            for holder, side, rule in _rules(service, balancer, index):
                found[holder, side].append(rule)
                vcns[holder] = topology.subnets[balancer.subnet].vcn
    return {
        holder: ManagedRules(
            name=holder.removeprefix("subnet/"),
            vcn=vcn,
            ingress=tuple(found[holder, "ingress"]),
            egress=tuple(found[holder, "egress"]),
        )
        for holder, vcn in vcns.items()
    }


_Managed = Iterator[tuple[str, str, SecurityRule]]
"""Holders, sides and rules."""


def _rules(service: Service, balancer: LoadBalancer, index: Index) -> _Managed:
    mode = rule_mode(service, balancer, index.topology)
    if mode == "None":
        return
    clients = service.source_ranges or _everybody(service)
    front = balancer.id if mode == "NSG" else f"subnet/{balancer.subnet}"
    for port in service.ports:
        yield from ((front, "ingress", _rule(service, peer, port.protocol, port.port)) for peer in clients)
    if mode == "NSG":
        yield from _between_groups(service, balancer, clients, index)
    elif mode == "All":
        yield from _between_subnets(service, balancer, clients, index)


def _between_subnets(service: Service, balancer: LoadBalancer, clients: tuple[Prefix, ...], index: Index) -> _Managed:
    families = service.families if balancer.is_network else (Family.IPV4,)
    nodes = dict.fromkeys(node.subnet for node in index.service_ends.nodes(service))
    own = _prefixes([balancer.subnet], families, index)
    for protocol, number, is_health in _asked(service, index):
        for peer in _prefixes(nodes, families, index):
            yield f"subnet/{balancer.subnet}", "egress", _rule(service, peer, protocol, number)
        askers = clients if _keeps(service, balancer, index) and not is_health else own
        for subnet in nodes:
            yield from ((f"subnet/{subnet}", "ingress", _rule(service, peer, protocol, number)) for peer in askers)


def _between_groups(service: Service, balancer: LoadBalancer, clients: tuple[Prefix, ...], index: Index) -> _Managed:
    """Both ways between the load balancer's own group and those of the back ends that the Service names."""
    own = [single(address) for address in (balancer.ipv4, balancer.ipv6) if address is not None]
    groups = [f"{NSG}{name}" for name in backend_groups(service) if name in index.topology.nsgs]
    for protocol, number, is_health in _asked(service, index):
        askers = clients if _keeps(service, balancer, index) and not is_health else own
        for group in groups:
            yield balancer.id, "egress", _rule(service, group, protocol, number)
            yield from ((group, "ingress", _rule(service, peer, protocol, number)) for peer in askers)


def _asked(service: Service, index: Index) -> Iterator[tuple[str, int, bool]]:
    """What back ends are asked at: node ports and the health check, each with whether it is that."""
    for port in service.ports:
        yield port.protocol, index.service_ends.node_port(service, port), False
    yield "tcp", index.service_ends.health_check_ports.get(service.id, HEALTHZ), True


def _keeps(service: Service, balancer: LoadBalancer, index: Index) -> bool:
    """Whether back ends are asked from their clients' own addresses."""
    return balancer.is_network and preserves_source(service, index.topology)


def _everybody(service: Service) -> tuple[Prefix, ...]:
    """The controller adds ::/0 only where the Service has IPv6."""
    return tuple(Prefix(family, 0, 0) for family in service.families)


def _prefixes(subnets: Iterable[str], families: Iterable[Family], index: Index) -> list[Prefix]:
    some = [index.topology.subnets[name] for name in subnets]
    return [prefix for family in families for subnet in some for prefix in subnet.prefixes(family)]


def _rule(service: Service, peer: Prefix | str, protocol: str, number: int) -> SecurityRule:
    return SecurityRule(peer=peer, protocol=protocol, dport=PortRange(number, number), source=service.source)
