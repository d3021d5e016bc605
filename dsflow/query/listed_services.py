"""Services and load balancers as rows, in the columns of ``dsflow get``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dsflow.dataplane.service_ends import ServiceEnds
from dsflow.model import annotated
from dsflow.model.controller import preserves_source, rule_mode
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.model.topology import Profile, Topology

__all__ = ["LOAD_BALANCER_COLUMNS", "SERVICE_COLUMNS", "labels_text", "load_balancer_rows", "service_rows"]

SERVICE_COLUMNS = (
    "NS", "NAME", "TYPE", "PORTS", "LOAD-BALANCER", "BACKENDS", "IPv4", "IPv6", "SELECTOR", "PODS", "FAMILIES",
    "EXTERNAL", "INTERNAL", "AFFINITY", "HEALTH-PORT", "SOURCE-RANGES",
)  # fmt: skip
LOAD_BALANCER_COLUMNS = (
    "NAME", "IPv4", "PUBLIC-IPv4", "IPv6", "SUBNET", "KIND", "SERVICES", "BACKENDS", "POLICY", "CLIENT", "RULES",
    "IDLE", "HEALTH-CHECK",
)  # fmt: skip

Listed = tuple[str, tuple[Any, ...]]
"""An id, and a value for every column."""


def labels_text(labels: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Labels as kubectl writes them."""
    return tuple(f"{key}={value}" for key, value in labels)


def service_rows(topology: Topology) -> Iterator[Listed]:
    """The Services."""
    ends = _ends(topology)
    for service in topology.services.values():
        ports = tuple(_port(service, port, ends) for port in service.ports)
        backends = tuple(pod.id for pod in topology.backends(service))
        cells = service.namespace, service.name, service.type, ports, service.load_balancer, len(backends)
        none = "none" if service.headless else None
        addresses = service.cluster_ipv4 or none, service.cluster_ipv6 or none
        policies = service.external_policy, service.internal_policy, service.session_affinity
        health = None if ends is None else ends.health_check_ports.get(service.id)
        more = service.families, *policies, health, service.source_ranges
        yield service.id, (*cells, *addresses, labels_text(service.selector), backends, *more)


def _port(service: Service, port: ServicePort, ends: ServiceEnds | None) -> str:
    """A port, and behind a colon, as kubectl has it, the one on the nodes."""
    node_port = None if ends is None else ends.node_ports.get((service.id, port.protocol, port.port))
    return f"{port.protocol}/{port.port}" + ("" if node_port is None else f":{node_port}")


def _ends(topology: Topology) -> ServiceEnds | None:
    """What stands behind Services on nodes, where the profile knows such."""
    if topology.profile is Profile.ARTICLE:
        return None
    return ServiceEnds(topology)


def load_balancer_rows(topology: Topology) -> Iterator[Listed]:
    """The load balancers, and what the Services' annotations make of them."""
    for balancer in topology.load_balancers.values():
        services = [service for service in topology.services.values() if service.load_balancer == balancer.id]
        addresses = balancer.ipv4, balancer.public_ipv4, balancer.ipv6
        told = _as_annotated(balancer, services, topology) if topology.profile is Profile.AS_BUILT else ((),) * 5
        names = tuple(service.id for service in services)
        cells = balancer.name, *addresses, balancer.subnet, balancer.kind
        registered = "pods at node ports" if topology.has_virtual_nodes and balancer.backends == "nodes" else None
        yield balancer.id, (*cells, names, balancer.appliances or registered or balancer.backends, *told)


def _as_annotated(
    balancer: LoadBalancer, services: Iterable[Service], topology: Topology
) -> tuple[tuple[str, ...], ...]:
    """What the cloud controller makes of the annotations, Service by Service."""
    rows = []
    for service in services:
        protocols = sorted({port.protocol for port in service.ports})
        idle = "/".join(f"{annotated.idle_timeout_s(service, balancer, protocol)} s" for protocol in protocols)
        interval, timeout, retries = annotated.health_check(service, balancer)
        kept = balancer.is_network and preserves_source(service, topology)
        rows.append(
            (
                annotated.backend_policy(service, balancer),
                "kept" if kept else "hidden",
                rule_mode(service, balancer, topology),
                idle,
                f"{retries} x {interval} ms ({timeout} ms)",
            )
        )
    return tuple(zip(*rows, strict=True)) if rows else ((),) * 5
