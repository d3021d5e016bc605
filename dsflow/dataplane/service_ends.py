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
from dsflow.model.cluster import Machine, Node, Pod
from dsflow.model.controller import IPV6_LABEL, balancer_of, labels_are_written, node_subnets_lacking, refusals
from dsflow.model.services import NODE_PORTS, LoadBalancer, Refusal, Service, ServicePort
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family
from dsflow.net.hashing import stable_hash

__all__ = ["EndPoint", "ServiceEnds", "port_of", "ranges_text"]


class EndPoint(NamedTuple):
    """A pod behind a Service: its address of one family, and the machine whose kube-proxy it is local to."""

    pod: Pod
    address: Address
    machine: Machine


def _usable(ends: Sequence[EndPoint]) -> tuple[EndPoint, ...]:
    """Those that are ready; if none is, those that still serve while they terminate.

    Source: kubernetes pkg/proxy/topology.go (CategorizeEndpoints).
    """
    serving = tuple(end for end in ends if end.pod.ready)
    return tuple(end for end in serving if not end.pod.terminating) or serving


def _targets(port: ServicePort, ends: Sequence[EndPoint]) -> tuple[Target, ...]:
    numbers = ((end, port_of(end.pod, port)) for end in ends)
    return tuple(Target(end.address.value, number) for end, number in numbers if number is not None)


def port_of(pod: Pod, port: ServicePort) -> int | None:
    """The number of a Service port at a pod; None where the pod has no port of its name and protocol."""
    if isinstance(port.target_port, int):
        return port.target_port
    named = dict(pod.ports).get(port.target_port)
    return named.port if named is not None and named.protocol == port.protocol else None


def ranges_text(service: Service) -> str:
    """Whom a Service's load balancer serves, in words."""
    return ", ".join(map(str, service.source_ranges))


class ServiceEnds:
    """The end points and node ports of a topology's Services, made once for all nodes."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._known: dict[tuple[str, str | None, Family], dict[str | None, tuple[EndPoint, ...]]] = {}
        self._targets: dict[tuple[str, str, int | str, Family], tuple[Target, ...]] = {}
        self._refusals: dict[str, Refusal | None] = {}
        self._healthy: dict[tuple[str, Family], set[str]] = {}

    def end_points(self, service: Service, port: ServicePort, family: Family) -> tuple[EndPoint, ...]:
        """What a port of a Service leads to in one family, by name; none where it does not serve the family."""
        return self._found(service, port, family)[None]

    def end_points_on(
        self, machine: Machine, service: Service, port: ServicePort, family: Family
    ) -> tuple[EndPoint, ...]:
        """What it leads to under a policy Local on ``machine``."""
        return self._found(service, port, family).get(machine.id, ())

    def healthy_machines(self, service: Service, family: Family) -> set[str]:
        """The machines, by id, whose health check under the policy Local finds an end point that stays.

        kubernetes pkg/proxy/healthcheck/service_health.go: 200 where there is one, 503 where there is none.
        """
        key = service.id, family
        found = self._healthy.get(key)
        if found is None:
            ends = (end for port in service.ports for end in self.end_points(service, port, family))
            found = self._healthy[key] = {end.machine.id for end in ends if not end.pod.terminating}
        return found

    def published(self, service: Service, family: Family) -> tuple[EndPoint, ...]:
        """The pods whose addresses DNS gives for a headless Service: those that are ready and stay."""
        found: dict[str, EndPoint] = {}
        for port in service.ports:
            for end in self.end_points(service, port, family):
                if not end.pod.terminating:
                    found.setdefault(end.pod.id, end)
        return tuple(found[name] for name in sorted(found))

    def _found(self, service: Service, port: ServicePort, family: Family) -> dict[str | None, tuple[EndPoint, ...]]:
        """The end points on every machine that has some, and under None those of the cluster."""
        named = f"{port.protocol}/{port.target_port}" if isinstance(port.target_port, str) else None
        key = service.id, named, family
        found = self._known.get(key)
        if found is None:
            ends = [end for end in self._find(service, family) if port_of(end.pod, port) is not None]
            here = defaultdict[str, list[EndPoint]](list)
            for end in ends:
                here[end.machine.id].append(end)
            found = self._known[key] = {name: _usable(some) for name, some in here.items()} | {None: _usable(ends)}
        return found

    def _find(self, service: Service, family: Family) -> list[EndPoint]:
        if family not in service.families:
            return []
        nodes = self._topology.nodes
        pairs = [
            (pod, nodes[pod.node].address(family) if pod.host_network else pod.address(family))
            for pod in self._topology.backends(service)
        ]
        return [EndPoint(pod, address, self._topology.machine_of(pod)) for pod, address in pairs if address is not None]

    def none(self, service: Service, port: ServicePort, family: Family) -> Refusal:
        """Why a port of a Service has no end point in a family, or none that stays, and what would mend it."""
        selected = self._topology.backends(service)
        own = f"services.{service.namespace}/{service.name}"
        if not selected:
            selector = ", ".join(f"{key}={value}" for key, value in service.selector) or "nothing"
            mend = f"select labels that pods bear in {own}.selector"
            return Refusal(f"{service.id} selects {selector}, which no pod of {service.namespace} bears", mend)
        if family not in service.families:
            return Refusal(f"{service.id} does not serve {family.title}", f"let {own}.ip_families hold {family}")
        found = f"{service.id} selects {len(selected)} pod{'s' * (len(selected) > 1)}, but none"
        ends = self._find(service, family)
        if not ends:
            return Refusal(f"{found} has an {family.title} address", f"give them {family.title} addresses")
        if not any(port_of(end.pod, port) for end in ends):
            name = f"{port.protocol} port of the name {port.target_port}"
            return Refusal(f"{found} has a {name}", f"name it in the pods' ports, or give {own} a number")
        if not any(end.pod.ready for end in ends):
            return Refusal(f"{found} is ready in {family.title}", "find out why their readiness probes fail")
        return Refusal(f"{found} is to stay, as those that are ready are being deleted", "wait for others to be ready")

    def targets(
        self, service: Service, port: ServicePort, family: Family, ends: tuple[EndPoint, ...]
    ) -> tuple[Target, ...]:
        """End points as targets; where they are all of the port's, made once for every row and node."""
        if ends is not self.end_points(service, port, family):
            return _targets(port, ends)
        key = service.id, port.protocol, port.target_port, family
        found = self._targets.get(key)
        if found is None:
            found = self._targets[key] = _targets(port, ends)
        return found

    def refusal(self, service: Service) -> Refusal | None:
        """Why the cloud controller builds no load balancer for a Service; None where it does."""
        if service.id not in self._refusals:
            self._refusals[service.id] = next(refusals(service, self._topology), None)
        return self._refusals[service.id]

    def unhealthy(self, service: Service, port: ServicePort, family: Family) -> Refusal:
        """Why none of the back ends that a load balancer could have passes its health check."""
        why = self.none(service, port, family)
        if self._topology.has_virtual_nodes:
            return why._replace(reason=f"back ends are pods on virtual nodes, and {why.reason}")
        return why._replace(reason=f"no node passes the health check, as the policy is Local and {why.reason}")

    def nodes(self, service: Service) -> list[Node]:
        """The nodes in the VCN of the load balancer in front of a Service."""
        front = self.front(service)
        if front is None:
            return []
        subnets = self._topology.subnets
        vcn = subnets[front.subnet].vcn
        return [node for node in self._topology.nodes.values() if subnets[node.subnet].vcn == vcn]

    def registered(self, service: Service, family: Family) -> list[Machine]:
        """What the controller gives to the load balancer: the nodes with an address of a family.

        Where nodes are virtual, the Service's pods on them, at its node ports (docs.oracle.com ContEng/Tasks/
        contengcomparingvirtualwithmanagednodes_topic.htm, 2024-10).
        """
        nodes = self.nodes(service)
        if self._topology.has_virtual_nodes:
            names = {node.name for node in nodes}
            return [end.pod for end in self.published(service, family) if end.pod.node in names]
        return [node for node in nodes if node.address(family) is not None]

    def back_ends(self, service: Service, family: Family) -> list[Machine]:
        """Those whose address of a family the controller gives to a network load balancer."""
        machines = self.registered(service, family)
        if family is Family.IPV4:
            return machines
        if node_subnets_lacking(family, self._topology) and service.ip_family_policy != "SingleStack":
            return []
        if self._topology.has_virtual_nodes:
            return machines
        if labels_are_written(self._topology):
            return [node for node in machines if IPV6_LABEL in dict(node.labels)]
        return machines if self._topology.assumes("nodes-bear-ipv6-label") == "bears" else []

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
        taken |= {("tcp", service.health_check_node_port) for service in exposed if service.health_check_node_port}
        for name, port in ports:
            key = name, port.protocol, port.port
            if key not in found:
                at = stable_hash(f"{name}:{port.protocol}/{port.port}")
                while (port.protocol, number := NODE_PORTS[at % len(NODE_PORTS)]) in taken:
                    at += 1
                found[key] = number
                taken.add((port.protocol, number))
        return found

    @cached_property
    def health_check_ports(self) -> dict[str, int]:
        """Where nodes tell load balancers of a Service's end points, by its id: as written, else as node ports are."""
        checked = [service for service in self._topology.services.values() if service.has_health_check]
        given = {service.id: service.health_check_node_port for service in checked}
        found = {name: number for name, number in given.items() if number is not None}
        taken = {
            *found.values(),
            *(number for (_, protocol, _), number in self.node_ports.items() if protocol == "tcp"),
        }
        for service in checked:
            if service.id not in found:
                at = stable_hash(f"{service.id}:health")
                while (number := NODE_PORTS[at % len(NODE_PORTS)]) in taken:
                    at += 1
                found[service.id] = number
                taken.add(number)
        return found

    def front(self, service: Service) -> LoadBalancer | None:
        """The load balancer in front of a Service."""
        return balancer_of(service, self._topology)
