"""What OKE's cloud controller makes of a Service of type LoadBalancer, or why it makes nothing.

Source: oracle/oci-cloud-controller-manager v1.35.0, pkg/cloudprovider/providers/oci: load_balancer.go
(getOciIpVersions) and load_balancer_spec.go (validateService, getPreserveSource, getBackends).
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model import annotated
from dsflow.model.services import LoadBalancer, Refusal, Service, ServicePort
from dsflow.model.topology import Topology
from dsflow.net.address import Family

__all__ = [
    "IPV6_LABEL",
    "balancer_of",
    "is_mixed",
    "labels_are_written",
    "node_subnets_lacking",
    "preserves_source",
    "refusals",
    "rule_mode",
    "why_no_node",
]

IPV6_LABEL = "oci.oraclecloud.com/ip-family-ipv6"
"""The label without which the controller gives a node no IPv6 address."""


def balancer_of(service: Service, topology: Topology) -> LoadBalancer | None:
    """The load balancer in front of a Service."""
    if service.load_balancer is None:
        return None
    return topology.load_balancers.get(service.load_balancer.removeprefix("lb/"))


def preserves_source(service: Service, topology: Topology) -> bool:
    """Whether a network load balancer keeps its clients' addresses, which it never does in front of virtual nodes.

    docs.oracle.com ContEng/Tasks/contengcomparingvirtualwithmanagednodes_topic.htm (2024-10).
    """
    return not topology.has_virtual_nodes and annotated.preserves_source(service)


def rule_mode(service: Service, balancer: LoadBalancer, topology: Topology) -> str:
    """Which security rules the controller writes: All, Frontend, NSG or None.

    In front of virtual nodes it manages no security lists (ibid.).
    """
    mode = annotated.rule_mode(service, balancer)
    return "None" if topology.has_virtual_nodes and mode in ("All", "Frontend") else mode


def refusals(service: Service, topology: Topology) -> Iterator[Refusal]:
    """Every reason for which the controller builds no load balancer for a Service that asks for one.

    Load balancers with pods behind them are the native ingress controller's.
    """
    balancer = balancer_of(service, topology)
    if balancer is None or balancer.backends == "pods":
        return
    yield from _of_service(service, balancer)
    yield from _of_annotations(service, balancer)
    yield from _of_families(service, balancer, topology)


def _of_service(service: Service, balancer: LoadBalancer) -> Iterator[Refusal]:
    own = f"services.{service.namespace}/{service.name}"
    if service.session_affinity != "None":
        reason = f"{service.id} has sessionAffinity {service.session_affinity}, which the cloud controller refuses"
        yield Refusal(reason, f"leave out {own}.session_affinity")
    if not balancer.is_network and service.families == (Family.IPV6,):
        reason = f"{service.id} is single-stack IPv6, which the cloud controller refuses for a flexible load balancer"
        yield Refusal(reason, "serve IPv4 too, or use a network load balancer")
    wanted = annotated.load_balancer_type(service)
    if wanted not in (None, balancer.kind):
        key = ("annotations", annotated.TYPE)
        reason = f"{service.id} asks for a {wanted} load balancer, and {balancer.id} is a {balancer.kind} one"
        yield Refusal(reason, "let the annotation and load_balancers agree", key)
    if balancer.is_network and any(port.protocol == "udp" for port in service.ports):
        mode = service.annotation(annotated.LIST_MODE["network"])
        if mode in ("All", "Frontend"):
            key = ("annotations", annotated.LIST_MODE["network"])
            reason = f"{service.id} has a UDP port, with which the cloud controller manages no security lists"
            yield Refusal(reason, "set that annotation to None", key)


def _of_annotations(service: Service, balancer: LoadBalancer) -> Iterator[Refusal]:
    for key, value in service.annotations:
        known = annotated.KNOWN.get(key)
        if known is None or balancer.kind not in known.kinds or key in (annotated.TYPE, annotated.LISTENER_PROTOCOL):
            continue  # what is of the other kind is not read; an unknown type is taken for lb
        expected = annotated.wrong_value(key, value)
        if expected is not None:
            yield Refusal(
                f'{service.id} says {key}: "{value}"', f"the controller takes {expected}", ("annotations", key)
            )
    if balancer.is_network and service.external_policy == "Cluster":
        key = annotated.PRESERVE_SOURCE
        if service.annotation(key) is not None:
            reason = f"{service.id} says {key} under the policy Cluster, which the cloud controller refuses"
            yield Refusal(reason, "set external_traffic_policy: Local, or leave it out", ("annotations", key))
    protocol = annotated.listener_protocol(service)
    if not balancer.is_network and protocol not in ("TCP", "HTTP", "GRPC"):
        key = annotated.LISTENER_PROTOCOL
        yield Refusal(f"{service.id} asks for {protocol} listeners", "ask for TCP, HTTP or GRPC", ("annotations", key))


def _of_families(service: Service, balancer: LoadBalancer, topology: Topology) -> Iterator[Refusal]:
    """SingleStack and RequireDualStack need subnets of their families, for the load balancer and for the nodes."""
    if service.ip_family_policy not in ("SingleStack", "RequireDualStack"):
        return
    subnet = topology.subnets.get(balancer.subnet)
    for family in service.families:
        told = f"{service.id} is {service.ip_family_policy}"
        if subnet is not None and not subnet.prefixes(family):
            reason = f"{told}, but {subnet.id} of {balancer.id} has no {family.title} prefix"
            yield Refusal(reason, f"give {subnet.id} an {family.title} prefix", ("ip_family_policy",))
        for name in node_subnets_lacking(family, topology):
            reason = f"{told}, but subnet/{name} of the nodes has no {family.title} prefix"
            yield Refusal(reason, f"give subnet/{name} an {family.title} prefix", ("ip_family_policy",))


def is_mixed(service: Service, port: ServicePort) -> bool:
    """Whether TCP and UDP share a port of a dual-stack Service (load_balancer_spec.go, getBackendSetNamePortMap)."""
    same = [other for other in service.ports if other.port == port.port]
    return len(same) > 1 and len(service.families) > 1


def node_subnets_lacking(family: Family, topology: Topology) -> list[str]:
    """The nodes' subnets without a prefix of a family: with one of those, no listener of the family is made."""
    subnets = dict.fromkeys(node.subnet for node in topology.nodes.values())
    return [name for name in subnets if name in topology.subnets and not topology.subnets[name].prefixes(family)]


def labels_are_written(topology: Topology) -> bool:
    """Whether the scenario says of any node what labels it bears; else they are taken to be there."""
    return any(node.labels for node in topology.nodes.values())


def why_no_node(family: Family, topology: Topology) -> Refusal:
    """Why no node can be a back end in a family, and what would mend it."""
    lacking = node_subnets_lacking(family, topology)
    if lacking:
        reason = (
            f"subnet/{lacking[0]} of the nodes has no {family.title} prefix, so there is no {family.title} listener"
        )
        return Refusal(reason, f"give subnet/{lacking[0]} an {family.title} prefix, and its nodes addresses")
    if not any(node.address(family) for node in topology.nodes.values()):
        return Refusal(f"no node has an {family.title} address", f"give the nodes {family.title} addresses")
    reason = f"no node with an {family.title} address bears the label {IPV6_LABEL}, without which it is no back end"
    return Refusal(reason, f"give the nodes the label {IPV6_LABEL}")
