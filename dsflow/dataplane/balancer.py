"""The flexible load balancer: a proxy, which ends the client's connection and opens one of its own.

In the article's account it dials pods, in the client's family.  As OKE builds it, it dials nodes at the Service's
node port, over IPv4 whatever the client's family: docs.oracle.com Network/Concepts/ipv6.htm (2026-09), and
oracle/oci-cloud-controller-manager v1.35.0, pkg/cloudprovider/providers/oci/load_balancer.go.  The native ingress
controller has it dial pods, by IPv4 too (oracle/oci-native-ingress-controller, util.GetEndpoints).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dsflow.dataplane.action import Continue, Delay, Drop, Evidence, Forward, Neighbor, Reoriginate, Rule
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
    single,
    source_code_rule,
)
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.health_checks import HealthChecks
from dsflow.dataplane.index import Index
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.dataplane.service_ends import port_of, ranges_text
from dsflow.dataplane.tables import HEALTH_CHECK_STAGE, Filter, Proxy, RouteLookup
from dsflow.model.annotated import backend_policy, listener_protocol, proxy_protocol
from dsflow.model.cluster import Machine
from dsflow.model.controller import preserves_source, rule_mode, why_no_node
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.model.topology import Profile, Topology
from dsflow.net.address import Address, Family
from dsflow.net.hashing import stable_hash
from dsflow.net.ranges import PortRange

__all__ = ["asked", "compile_load_balancer", "denied", "sees"]

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


def compile_load_balancer(balancer: LoadBalancer, index: Index, checks: HealthChecks) -> Device:
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
        receive=(
            *(() if checks.guards(balancer) else _denied(balancer, index)),
            *_unchecked(balancer, index, checks),
            RouteLookup(tables={None: routes(own, not_forwarding(balancer.id))}),
        ),
        deliver=(_proxy(balancer, index, checks),),
        send=(RouteLookup(tables={None: routes(own, default)}),),
        leave=(origin_mtu,),
        capabilities=(*_OF_ANY, NatCapability(kind=NatKind.CROSS_FAMILY, idle=_CROSS_FAMILY[profile])),
        toll=Toll(delivered=(Delay("lb_l7"),), machine=balancer.id),
        source=balancer.source,
    )


def _proxy(balancer: LoadBalancer, index: Index, checks: HealthChecks) -> Proxy:
    listeners: dict[tuple[int, int, int], tuple[Reoriginate, ...]] = {}
    unchecked: dict[tuple[int, int, int], tuple[Reoriginate, ...]] = {}
    no_backend: dict[tuple[int, int, int], Drop] = {}
    affinity: dict[tuple[int, int, int], int] = {}
    for service in index.topology.services.values():
        if service.load_balancer != balancer.id:
            continue
        for port in service.ports:
            for family in Family:
                key = (int(family), PROTOCOL_NUMBERS[port.protocol], port.port)
                if backend_policy(service, balancer) == "IP_HASH":
                    affinity[key] = stable_hash(f"{balancer.id}:{port.port}")
                if index.topology.profile is Profile.ARTICLE:
                    listeners[key] = _backends(balancer, service, port, family, index)
                    no_backend[key] = _no_backend(service, port, family, index)
                elif balancer.backends == "pods":
                    listeners[key] = _pods(balancer, service, port, family, index)
                    no_backend[key] = _no_pod(service, port, index)
                else:
                    found = list(_machines(balancer, service, port, family, index))
                    healthy = checks.passing(service, balancer, [machine for machine, _ in found], Family.IPV4)
                    listeners[key] = tuple(way for machine, way in found if machine in healthy)
                    unchecked[key] = tuple(way for _, way in found)
                    no_backend[key] = _no_machine(service, port, family, index)
    return Proxy(
        listeners=listeners,
        no_backend=no_backend,
        unconnected=UNCONNECTED,
        ignored=IGNORED,
        awaited=AWAITED,
        stray=STRAY,
        closed=Drop(_closed(balancer, listeners), Disposition.NO_LISTENER, resets=True),
        echo=Drop(_echo(balancer), Disposition.UNDETERMINED),
        affinity=affinity,
        unchecked=listeners | unchecked,
    )


def _denied(balancer: LoadBalancer, index: Index) -> tuple[Filter, ...]:
    """The security rules of its listeners, where a Service asks for such."""
    if index.topology.profile is Profile.ARTICLE:
        return ()
    rows: list[tuple[Match, Drop | Continue]] = []
    for service in index.topology.services.values():
        if service.load_balancer == balancer.id:
            for port in service.ports:
                for address in (balancer.ipv4, balancer.ipv6):
                    if address is not None:
                        rows += denied(service, port, balancer, asked(port, address), index.topology)
    return (Filter(rows=tuple(rows), stage="listener"),) if rows else ()


def asked(port: ServicePort, address: Address) -> Match:
    """What asks a listener."""
    return Match(
        family=address.family,
        protocol=PROTOCOL_NUMBERS[port.protocol],
        dst=single(address),
        dport=PortRange(port.port, port.port),
    )


def denied(
    service: Service, port: ServicePort, balancer: LoadBalancer, match: Match, topology: Topology
) -> Iterator[tuple[Match, Drop | Continue]]:
    """Whom the security rules let through that the controller writes for loadBalancerSourceRanges, and whom not.

    Ranges are used as they are, so that those of one family leave out the other (load_balancer_spec.go,
    getLoadBalancerSourceRanges).  Where the controller writes no rules, they have no effect here, and where others are
    written beside them the union of all decides at the VNIC.
    """
    if not service.source_ranges or rule_mode(service, balancer, topology) == "None":
        return
    name = f"{service.id}:{port.port}"
    for prefix in service.source_ranges:
        if prefix.family is match.family:
            told = Rule(id=name, reason=f"{{src}} is in {prefix}, which {service.id} serves", source=service.source)
            yield replace(match, src=prefix), Continue(told)
    rule = Rule(
        id=name,
        reason=f"{{src}} is in none of loadBalancerSourceRanges of {service.id}: {ranges_text(service)}",
        source=service.source,
        mend=f"add it to services.{service.namespace}/{service.name}.load_balancer_source_ranges",
    )
    yield match, Drop(rule, Disposition.DENIED_INGRESS)


def sees(service: Service, balancer: LoadBalancer, topology: Topology) -> str:
    """What a back end and the pod behind it learn of the client."""
    preserved = balancer.is_network and preserves_source(service, topology)
    if preserved:
        told = "the pod sees the client's own address"
    else:
        hidden = service.external_policy == "Cluster" and balancer.backends == "nodes"
        told = f"the pod sees the {'node' if hidden else 'load balancer'}'s address"
        if hidden and topology.has_virtual_nodes:
            told = "the pod sees the load balancer's address, or that of the pod which leads on to it"
    speaks_tcp = balancer.is_network or listener_protocol(service) == "TCP"
    version = proxy_protocol(service, balancer) if speaks_tcp else None
    if version is not None:
        return f"{told}, and the client's in the proxy protocol, version {version}"
    if preserved:
        return told
    if not speaks_tcp:
        return f"{told}, and the client's in X-Forwarded-For"
    return f"{told}, and nothing of the client"


def _backends(
    balancer: LoadBalancer, service: Service, port: ServicePort, family: Family, index: Index
) -> tuple[Reoriginate, ...]:
    """The pods, in the article's account of the client's own family."""
    same = index.topology.assumes("proxy-keeps-family") == "same-family"
    dialled = family if same else Family.IPV4
    own = balancer.address(dialled)
    if balancer.address(family) is None or own is None:
        return ()
    return tuple(_dialled(own, service, port, dialled, index, "", "proxy-keeps-family"))


def _pods(
    balancer: LoadBalancer, service: Service, port: ServicePort, family: Family, index: Index
) -> tuple[Reoriginate, ...]:
    """The pods by IPv4, whatever the client's family, as the native ingress controller has it."""
    if balancer.address(family) is None or balancer.ipv4 is None or service.families[0] is Family.IPV6:
        return ()
    told = f", over IPv4; {sees(service, balancer, index.topology)}"
    return tuple(_dialled(balancer.ipv4, service, port, Family.IPV4, index, told, None))


def _dialled(
    own: Address,
    service: Service,
    port: ServicePort,
    family: Family,
    index: Index,
    told: str,
    assumption: str | None,
) -> Iterator[Reoriginate]:
    for end in index.service_ends.end_points(service, port, family):
        number = port_of(end.pod, port)
        assert number is not None, "end points have the port"
        rule = Rule(
            id=f"{service.id}:{port.port}",
            reason=f"the client's connection ends here and {end.pod.id} port {number} is dialled{told}",
            source=service.source,
            assumption=assumption,
        )
        yield Reoriginate(rule, int(family), own.value, end.address.value, number)


def _machines(
    balancer: LoadBalancer, service: Service, port: ServicePort, family: Family, index: Index
) -> Iterator[tuple[Machine, Reoriginate]]:
    """How each back end is dialled, be it healthy or not: all, or under the policy Local those with an end point."""
    ends = index.service_ends
    own = balancer.ipv4
    if balancer.address(family) is None or own is None or family not in service.families:
        return
    if ends.refusal(service) is not None:
        return
    number = ends.node_port(service, port)
    for machine in _back_ends(service, index):
        rule = Rule(
            id=f"{service.id}:{port.port}",
            reason=f"the client's connection ends here and {machine.id} is dialled at node port {number}, over IPv4; "
            f"{sees(service, balancer, index.topology)}",
            source=service.source,
        )
        assert machine.ipv4 is not None, "back ends have one"
        yield machine, Reoriginate(rule, int(Family.IPV4), own.value, machine.ipv4.value, number)


def _back_ends(service: Service, index: Index) -> list[Machine]:
    """What may be dialled: under the policy Local, the machines with an end point that stays."""
    ends = index.service_ends
    machines = ends.registered(service, Family.IPV4)
    if service.external_policy == "Cluster":
        return machines
    here = ends.healthy_machines(service, Family.IPV4)
    return [machine for machine in machines if machine.id in here]


def _unchecked(balancer: LoadBalancer, index: Index, checks: HealthChecks) -> tuple[Filter, ...]:
    """The listeners whose back ends all fail the health check, as security rules have it."""
    if index.topology.profile is Profile.ARTICLE or balancer.backends == "pods":
        return ()
    rows: list[tuple[Match, Drop | Continue]] = []
    for service in index.topology.services.values():
        if service.load_balancer == balancer.id and index.service_ends.refusal(service) is None:
            addresses = [found for found in map(balancer.address, service.families) if found is not None]
            for port in service.ports:
                for address in addresses:
                    machines = _back_ends(service, index)
                    rows += checks.kept_out(asked(port, address), service, port, balancer, machines)
    return (Filter(rows=tuple(rows), stage=HEALTH_CHECK_STAGE),) if rows else ()


def _no_machine(service: Service, port: ServicePort, family: Family, index: Index) -> Drop:
    refusal = index.service_ends.refusal(service)
    disposition = Disposition.NO_BACKEND
    if refusal is not None:
        reason, mend, _ = refusal
    elif family not in service.families:
        own = f"services.{service.namespace}/{service.name}"
        reason = f"{service.id} does not serve {family.title}, so its load balancer gets no {family.title} address"
        mend = f"let {own}.ip_families hold {family}"
        disposition = Disposition.FAMILY_UNAVAILABLE
    elif not any(node.ipv4 for node in index.topology.nodes.values()):
        reason, mend, _ = why_no_node(Family.IPV4, index.topology)
    else:
        reason, mend, _ = index.service_ends.unhealthy(service, port, Family.IPV4)
    rule = source_code_rule(id=f"{service.id}:{port.port}", reason=reason, source=service.source, mend=mend)
    return Drop(rule, disposition)


def _no_backend(service: Service, port: ServicePort, family: Family, index: Index) -> Drop:
    reason, mend, _ = index.service_ends.none(service, port, family)
    rule = Rule(id=f"{service.id}:{port.port}", reason=reason, source=service.source, mend=mend)
    return Drop(rule, Disposition.NO_BACKEND)


def _no_pod(service: Service, port: ServicePort, index: Index) -> Drop:
    """The native ingress controller reads the Endpoints object, which holds the primary family alone."""
    if service.families[0] is Family.IPV4:
        return _no_backend(service, port, Family.IPV4, index)
    reason = f"the native ingress controller knows the primary family of {service.id} only, IPv6, and dials none by it"
    mend = f"let services.{service.namespace}/{service.name}.ip_families begin with ipv4"
    rule = source_code_rule(id=f"{service.id}:{port.port}", reason=reason, source=service.source, mend=mend)
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
