"""The only compiler: a topology becomes devices with tables, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from dsflow.dataplane.action import Forward, Neighbor, Spread, ToOwner
from dsflow.dataplane.balancer import compile_load_balancer
from dsflow.dataplane.device import Device
from dsflow.dataplane.fabric import compile_vcn
from dsflow.dataplane.gateways import compile_gateway
from dsflow.dataplane.health_checks import HealthChecks
from dsflow.dataplane.hosts import compile_node, compile_pod
from dsflow.dataplane.index import Index
from dsflow.dataplane.internet import compile_internet_host
from dsflow.dataplane.tables import RouteLookup
from dsflow.model.services import LoadBalancer
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway, LocalPeeringGateway

if TYPE_CHECKING:
    from dsflow.dataplane.security import Security
    from dsflow.dataplane.wiring import Wiring
    from dsflow.model.cluster import Node, Pod
    from dsflow.model.devices import GenericDevice

__all__ = ["Dataplane", "compile_topology", "neighbors"]


class Dataplane(Mapping[str, Device]):
    """Devices by id, in the order of their kinds and then as written; compiled on first use and kept.

    >>> from dsflow.scenario import build, read
    >>> dataplane = compile_topology(build(read("two-pods")))
    >>> dataplane["vcn/lab"].kind
    'vcn'
    """

    def __init__(self, makers: Mapping[str, Callable[[], Device]]) -> None:
        self._makers = makers
        self._made: dict[str, Device] = {}

    def __getitem__(self, device_id: str) -> Device:
        device = self._made.get(device_id)
        if device is None:
            device = self._made[device_id] = self._makers[device_id]()
        return device

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, device_id: object) -> bool:
        return device_id in self._makers

    def replacing(self, device: Device) -> Dataplane:
        """The same dataplane but for one device."""
        return Dataplane({**self._makers, device.id: lambda: device})


def compile_topology(topology: Topology) -> Dataplane:
    """The dataplane of a topology."""
    index = Index(topology)
    makers: dict[str, Callable[[], Device]] = {}
    for vcn in topology.vcns.values():
        makers[vcn.id] = partial(compile_vcn, vcn, index)
    machines = _Machines(topology, index)
    for gateway in topology.gateways.values():
        if isinstance(gateway, DynamicRoutingGateway):
            makers[gateway.id] = partial(machines.drg, gateway)
        elif isinstance(gateway, LocalPeeringGateway):
            makers[gateway.id] = partial(machines.lpg, gateway)
        else:
            makers[gateway.id] = partial(compile_gateway, gateway, index)
    for node in topology.nodes.values():
        makers[node.id] = partial(_virtual_node if node.virtual else compile_node, node, index)
    for pod in topology.pods.values():
        if not pod.host_network:
            virtual = topology.nodes[pod.node].virtual
            makers[pod.id] = partial(_virtual_pod if virtual else compile_pod, pod, index)
    security = _security(index)
    checks = HealthChecks(index, security)
    for balancer in topology.load_balancers.values():
        compiler = _network_balancer if balancer.is_network else compile_load_balancer
        makers[balancer.id] = partial(compiler, balancer, index, checks)
    for host in topology.internet.values():
        makers[host.id] = partial(compile_internet_host, host, index)
    for generic in topology.devices.values():
        makers[generic.id] = partial(machines.device, generic)
    return Dataplane(makers if security is None else _guarded(makers, security))


def _security(index: Index) -> Security | None:
    """What security rules say at each VNIC; None where nobody wrote any."""
    if not index.topology.has_security_rules:
        return None
    from dsflow.dataplane.security import Security  # only where there are some

    return Security(index)


def _guarded(makers: Mapping[str, Callable[[], Device]], security: Security) -> dict[str, Callable[[], Device]]:
    """The same devices with what their VNICs let through."""

    def guarded(make: Callable[[], Device]) -> Device:
        return security.guard(make())

    return {name: partial(guarded, make) for name, make in makers.items()}


def _virtual_node(node: Node, index: Index) -> Device:
    from dsflow.dataplane.virtual_nodes import compile_virtual_node  # most scenarios have none

    return compile_virtual_node(node, index)


def _virtual_pod(pod: Pod, index: Index) -> Device:
    from dsflow.dataplane.virtual_nodes import compile_virtual_pod  # with the nodes

    return compile_virtual_pod(pod, index)


def _network_balancer(balancer: LoadBalancer, index: Index, checks: HealthChecks) -> Device:
    from dsflow.dataplane.network_balancer import compile_network_balancer  # most scenarios have none
    from dsflow.dataplane.transparent_balancer import compile_transparent_balancer

    if balancer.is_transparent:
        return compile_transparent_balancer(balancer, index)
    return compile_network_balancer(balancer, index, checks)


class _Machines:
    """The compilers of DRGs, LPGs and generic devices, imported with the first of them: most scenarios have none."""

    def __init__(self, topology: Topology, index: Index) -> None:
        self._topology = topology
        self._index = index

    @cached_property
    def _wiring(self) -> Wiring:
        from dsflow.dataplane.wiring import Wiring

        return Wiring(self._topology)

    def drg(self, gateway: DynamicRoutingGateway) -> Device:
        """The device of a DRG."""
        from dsflow.dataplane.drg import compile_drg

        return compile_drg(gateway, self._index, self._wiring)

    def lpg(self, gateway: LocalPeeringGateway) -> Device:
        """The device of a local peering gateway."""
        from dsflow.dataplane.peering import compile_lpg

        return compile_lpg(gateway, self._index)

    def device(self, generic: GenericDevice) -> Device:
        """The device of a router or host."""
        from dsflow.dataplane.linux import compile_device

        return compile_device(generic, self._wiring)


def neighbors(device: Device) -> Iterator[Neighbor]:
    """Every link that leaves a device, once each, in the order of its tables."""
    seen: set[tuple[str, str | None]] = set()
    for table in device.receive + device.send:
        if isinstance(table, RouteLookup):
            for neighbor in _of_lookup(table):
                if (neighbor.out_interface, neighbor.device) not in seen:
                    seen.add((neighbor.out_interface, neighbor.device))
                    yield neighbor


def _of_lookup(lookup: RouteLookup) -> Iterator[Neighbor]:
    senders = [routes for found in lookup.senders.values() for routes in found.values()]
    tables = [table for routes in (*lookup.tables.values(), *senders) for table in (routes.ipv4, routes.ipv6)]
    actions = [action for table in tables for _, action in table.items()]
    for action in actions:
        if isinstance(action, Forward) and action.unresolved is None:
            yield action.neighbor
        elif isinstance(action, Spread):
            yield from (way.neighbor for way in action.ways if isinstance(way, Forward))
    for action in actions:
        if isinstance(action, ToOwner):
            yield from action.owners.values()
