"""The flexible load balancer: a proxy, which ends the client's connection and opens one of its own.

In the article's account it dials pods, in the client's family.  As OKE builds it, it dials nodes at the Service's
node port, over IPv4 whatever the client's family: docs.oracle.com Network/Concepts/ipv6.htm (2026-09), and
oracle/oci-cloud-controller-manager v1.35.0, pkg/cloudprovider/providers/oci/load_balancer.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsflow.dataplane.action import Delay, Drop, Evidence, Forward, Neighbor, Reoriginate, Rule
from dsflow.dataplane.common import (
    AWAITED,
    IGNORED,
    PROTOCOL_NUMBERS,
    STRAY,
    UNCONNECTED,
    not_forwarding,
    origin_mtu,
    own_addresses,
    routes,
)
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.dataplane.tables import Proxy, RouteLookup
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.model.topology import Profile
from dsflow.net.address import Family

__all__ = ["compile_load_balancer"]

_NO_TRANSLATION = Rule(reason="a proxy translates nothing: it ends a client's connection and opens one of its own")

_OF_ANY = (
    NatCapability(kind=NatKind.LOAD_BALANCER_DNAT, idle=_NO_TRANSLATION),
    NatCapability(kind=NatKind.LOAD_BALANCER_SNAT, idle=_NO_TRANSLATION),
    NatCapability(
        kind=NatKind.PROXY_RE_ORIGINATION,
        idle=Rule(reason="a proxy keeps connections apart: whatever it dials is a new one"),
    ),
)

_CROSS_FAMILY = {
    Profile.ARTICLE: Rule(reason="a client is served by back ends of its own family", assumption="proxy-keeps-family"),
    Profile.AS_BUILT: Rule(
        reason="back ends are dialled over IPv4, whatever the client's family (OCI Network/Concepts/ipv6.htm)"
    ),
}


def compile_load_balancer(balancer: LoadBalancer, index: Index) -> Device:
    """A flexible load balancer: its backends are pods in the article's account, and nodes as OKE builds it."""
    profile = index.topology.profile
    vcn = index.vcn_of(balancer.subnet)
    own = own_addresses((balancer.ipv4, balancer.ipv6))
    addresses = {int(found.family): (found.value,) for found in (balancer.ipv4, balancer.ipv6) if found}
    front = index.front_vnic(balancer)
    default = Forward(
        Rule(reason=f"the load balancer sends into {vcn.id} from subnet/{balancer.subnet}"),
        Neighbor("eth0", vcn.id, balancer.id, front.link),
    )
    return Device(
        id=balancer.id,
        kind="lb",
        interfaces={"eth0": Interface(name="eth0", addresses=addresses)},
        receive=(RouteLookup(tables={None: routes(own, not_forwarding(balancer.id))}),),
        deliver=(_proxy(balancer, index),),
        send=(RouteLookup(tables={None: routes(own, default)}),),
        leave=(origin_mtu,),
        capabilities=(*_OF_ANY, NatCapability(kind=NatKind.CROSS_FAMILY, idle=_CROSS_FAMILY[profile])),
        toll=Toll(delivered=(Delay("lb_l7"),), machine=balancer.id),
        source=balancer.source,
    )


def _proxy(balancer: LoadBalancer, index: Index) -> Proxy:
    listeners: dict[tuple[int, int, int], tuple[Reoriginate, ...]] = {}
    no_backend: dict[tuple[int, int, int], Drop] = {}
    for service in index.topology.services.values():
        if service.load_balancer != balancer.id:
            continue
        for port in service.ports:
            for family in Family:
                key = (int(family), PROTOCOL_NUMBERS[port.protocol], port.port)
                if index.topology.profile is Profile.ARTICLE:
                    listeners[key] = _backends(balancer, service, port, family, index)
                    no_backend[key] = _no_backend(service, port, family, index)
                else:
                    listeners[key] = _nodes(balancer, service, port, family, index)
                    no_backend[key] = _no_node(service, port, index)
    return Proxy(
        listeners=listeners,
        no_backend=no_backend,
        unconnected=UNCONNECTED,
        ignored=IGNORED,
        awaited=AWAITED,
        stray=STRAY,
        closed=Drop(_closed(balancer, listeners), Disposition.NO_LISTENER, resets=True),
        echo=Drop(_echo(balancer), Disposition.UNDETERMINED),
    )


def _backends(
    balancer: LoadBalancer, service: Service, port: ServicePort, family: Family, index: Index
) -> tuple[Reoriginate, ...]:
    dialled = family if index.topology.assumes("proxy-keeps-family") == "same-family" else Family.IPV4
    own = balancer.address(dialled)
    if balancer.address(family) is None or own is None:
        return ()
    found = []
    for end in index.service_ends.end_points(service, dialled):
        rule = Rule(
            id=f"{service.id}:{port.port}",
            reason=f"the client's connection ends here and {end.pod.id} port {port.target_port} is dialled",
            source=service.source,
            assumption="proxy-keeps-family",
        )
        found.append(Reoriginate(rule, int(dialled), own.value, end.address.value, port.target_port))
    return tuple(found)


def _nodes(
    balancer: LoadBalancer, service: Service, port: ServicePort, family: Family, index: Index
) -> tuple[Reoriginate, ...]:
    """The healthy nodes: all, or under the policy Local those with an end point that stays (their health check)."""
    ends = index.service_ends.end_points(service, Family.IPV4)
    if balancer.address(family) is None or service.refusal is not None:
        return ()
    here = {end.node for end in ends if not end.pod.terminating}
    number = index.service_ends.node_port(service, port)
    found = []
    for node in index.topology.nodes.values():
        healthy = service.external_policy == "Cluster" or node.name in here
        if node.ipv4 is not None and healthy:
            rule = Rule(
                id=f"{service.id}:{port.port}",
                reason=f"the client's connection ends here and {node.id} is dialled at node port {number}, over IPv4",
                source=service.source,
            )
            found.append(Reoriginate(rule, int(Family.IPV4), balancer.ipv4.value, node.ipv4.value, number))
    return tuple(found)


def _no_node(service: Service, port: ServicePort, index: Index) -> Drop:
    if service.refusal is not None:
        reason, mend = service.refusal
    else:
        why, mend = index.service_ends.none(service, Family.IPV4)
        reason = f"no node passes the health check, as the policy is Local and {why}"
    rule = Rule(id=f"{service.id}:{port.port}", reason=reason, source=service.source, mend=mend)
    return Drop(rule, Disposition.NO_BACKEND)


def _no_backend(service: Service, port: ServicePort, family: Family, index: Index) -> Drop:
    reason, mend = index.service_ends.none(service, family)
    rule = Rule(id=f"{service.id}:{port.port}", reason=reason, source=service.source, mend=mend)
    return Drop(rule, Disposition.NO_BACKEND)


def _closed(balancer: LoadBalancer, listeners: Mapping[tuple[int, int, int], object]) -> Rule:
    ports = ", ".join(str(port) for port in sorted({port for _, _, port in listeners}))
    there = f"; it listens on {ports}" if ports else ""
    return Rule(reason=f"{balancer.id} has no listener on {{protocol}}/{{dport}}{there}")


def _echo(balancer: LoadBalancer) -> Rule:
    return Rule(
        reason=f"no source says whether the flexible load balancer {balancer.id} answers ping",
        evidence=Evidence.INFERRED,
    )
