"""What stands behind a Service: its end points in each family, its node ports, and the addresses it is known by.

Kubernetes: an end point is a pod that the selector covers, with an address of the family; IPv4 addresses of a
Service lead to IPv4 end points and IPv6 ones to IPv6 (kubernetes.io/docs/concepts/services-networking/dual-stack).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from dsflow.dataplane.nat import Target
from dsflow.model.cluster import Node, Pod
from dsflow.model.services import NODE_PORTS, LoadBalancer, Refusal, Service, ServicePort
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family
from dsflow.net.hashing import stable_hash

__all__ = ["EndPoint", "ServiceEnds"]


class EndPoint(NamedTuple):
    """A pod behind a Service: its address of one family, and its node."""

    pod: Pod
    address: Address
    node: str


def _usable(ends: Sequence[EndPoint]) -> tuple[EndPoint, ...]:
    """Those that are ready; if none is, those that still serve while they terminate.

    Source: kubernetes pkg/proxy/topology.go (CategorizeEndpoints).
    """
    serving = tuple(end for end in ends if end.pod.ready)
    return tuple(end for end in serving if not end.pod.terminating) or serving


def _targets(port: ServicePort, ends: Sequence[EndPoint]) -> tuple[Target, ...]:
    return tuple(Target(end.address.value, port.target_port) for end in ends)


class ServiceEnds:
    """The end points and node ports of a topology's Services, made once for all nodes."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._known: dict[tuple[str, Family], dict[str | None, tuple[EndPoint, ...]]] = {}
        self._targets: dict[tuple[str, int, Family], tuple[Target, ...]] = {}

    def end_points(self, service: Service, family: Family) -> tuple[EndPoint, ...]:
        """What a Service leads to in one family, by name; none where it does not serve the family."""
        return self._found(service, family)[None]

    def end_points_on(self, node: Node, service: Service, family: Family) -> tuple[EndPoint, ...]:
        """What it leads to under a policy Local on ``node``."""
        return self._found(service, family).get(node.name, ())

    def _found(self, service: Service, family: Family) -> dict[str | None, tuple[EndPoint, ...]]:
        """The end points on every node that has some, and under None those of the cluster."""
        key = service.id, family
        found = self._known.get(key)
        if found is None:
            ends = self._find(service, family)
            here = defaultdict[str, list[EndPoint]](list)
            for end in ends:
                here[end.node].append(end)
            found = self._known[key] = {node: _usable(some) for node, some in here.items()} | {None: _usable(ends)}
        return found

    def _find(self, service: Service, family: Family) -> list[EndPoint]:
        if family not in service.families:
            return []
        nodes = self._topology.nodes
        pairs = [
            (pod, nodes[pod.node].address(family) if pod.host_network else pod.address(family))
            for pod in self._topology.backends(service)
        ]
        return [EndPoint(pod, address, pod.node) for pod, address in pairs if address is not None]

    def none(self, service: Service, family: Family) -> Refusal:
        """Why a Service has no end point in a family, or none that stays, and what would mend it."""
        selected = self._topology.backends(service)
        if not selected:
            selector = ", ".join(f"{key}={value}" for key, value in service.selector) or "nothing"
            mend = f"select labels that pods bear in services.{service.namespace}/{service.name}.selector"
            return Refusal(f"{service.id} selects {selector}, which no pod of {service.namespace} bears", mend)
        found = f"{service.id} selects {len(selected)} pod{'s' * (len(selected) > 1)}, but none"
        ends = self._find(service, family)
        if not ends:
            return Refusal(f"{found} has an {family.title} address", f"give them {family.title} addresses")
        if not any(end.pod.ready for end in ends):
            return Refusal(f"{found} is ready in {family.title}", "find out why their readiness probes fail")
        return Refusal(f"{found} is to stay, as those that are ready are being deleted", "wait for others to be ready")

    def targets(
        self, service: Service, port: ServicePort, family: Family, ends: tuple[EndPoint, ...]
    ) -> tuple[Target, ...]:
        """End points as targets; where they are all of the Service's, made once for every row and node."""
        if ends is not self.end_points(service, family):
            return _targets(port, ends)
        key = service.id, port.target_port, family
        found = self._targets.get(key)
        if found is None:
            found = self._targets[key] = _targets(port, ends)
        return found

    def node_port(self, service: Service, port: ServicePort) -> int:
        """The port on every node that leads to a port of a Service of type NodePort or LoadBalancer."""
        return self.node_ports[service.id, port.protocol, port.port]

    @cached_property
    def node_ports(self) -> dict[tuple[str, str, int], int]:
        """The node ports written, and for the others one by a hash of their name: Kubernetes draws them."""
        exposed = [service for service in self._topology.services.values() if service.type != "ClusterIP"]
        ports = [(service.id, port) for service in exposed for port in service.ports]
        found = {(name, port.protocol, port.port): port.node_port for name, port in ports if port.node_port}
        taken = {(protocol, number) for (_, protocol, _), number in found.items()}
        for name, port in ports:
            key = name, port.protocol, port.port
            if key not in found:
                at = stable_hash(f"{name}:{port.protocol}/{port.port}")
                while (port.protocol, number := NODE_PORTS[at % len(NODE_PORTS)]) in taken:
                    at += 1
                found[key] = number
                taken.add((port.protocol, number))
        return found

    def front(self, service: Service) -> LoadBalancer | None:
        """The load balancer in front of a Service."""
        if service.load_balancer is None:
            return None
        return self._topology.load_balancers[service.load_balancer.removeprefix("lb/")]
