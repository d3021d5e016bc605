"""The questions of the main job: for every path type the first pair by name, in both families.

What "first" means, so that everybody finds the same pair (pods in the order of their ids, pods with
addresses of their own only; hosts, Services and nodes in the order of their names):

===============  ============================================================================
same-node        the first pod that shares its node with another listening pod, to the first of those
cross-node       the first pod for which another node of its VCN has a listening pod, to the first of those
ingress          the first Internet host, to the first Service of type LoadBalancer
egress           the first pod, to the first Internet host that listens
vcn-internal     the first node, to the first listening pod
on-premises      the first pod, to the first generic device that listens outside the VCNs, and that links
                 join to a DRG or to a device in a subnet
===============  ============================================================================

A scenario of generic devices without a node has no path types and is asked its own flows alone.
The target is asked on its first port.  Both families get the same pair; where an end has no address of
one family, the answer is *family-unavailable*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dsflow.model.cluster import Listener, Pod
from dsflow.model.devices import GenericDevice
from dsflow.model.question import Flow
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway
from dsflow.net.address import Family
from dsflow.trace.chain import PathType

__all__ = ["Selection", "select"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A question of the main job; without a ``flow``, ``missing`` says what the scenario lacks."""

    path_type: PathType
    family: Family
    flow: Flow | None = None
    missing: str | None = None


def select(topology: Topology) -> tuple[Selection, ...]:
    """Every path type in both families, in a fixed order; nothing where generic devices stand alone.

    >>> from dsflow import scenario
    >>> chosen = select(scenario.build(scenario.read("two-pods")))
    >>> [(str(one.path_type), one.flow.target) for one in chosen if one.flow and one.family == 6]
    [('cross-node', 'pod/default/server'), ('vcn-internal', 'pod/default/server')]
    >>> chosen[0].missing
    'no two pods on one node, one of them listening'
    """
    if topology.devices and not topology.nodes:
        return ()
    return tuple(selection for path_type in PathType for selection in _both_families(path_type, topology))


def _both_families(path_type: PathType, topology: Topology) -> Iterator[Selection]:
    pair = _PAIRS[path_type](topology)
    for family in Family:
        if isinstance(pair, str):
            yield Selection(path_type=path_type, family=family, missing=pair)
        else:
            yield Selection(path_type=path_type, family=family, flow=_flow(*pair, family))


_Pair = tuple[str, str, Listener]
"""The ids of both ends, and the port to ask."""


def _flow(origin: str, target: str, port: Listener, family: Family) -> Flow:
    return Flow(origin=origin, target=target, family=family, protocol=port.protocol, dport=port.port)


def _same_node(topology: Topology) -> _Pair | str:
    pods = _pods(topology)
    listening = _two_of_each_machine(pods, topology)
    found = _first_pair(pods, lambda pod: listening.get(topology.machine_of(pod).id, []))
    alone = "pods on virtual nodes are machines of their own"
    return found or (alone if topology.has_virtual_nodes else "no two pods on one node, one of them listening")


def _cross_node(topology: Topology) -> _Pair | str:
    pods = _pods(topology)
    machine = topology.machine_of
    first_of_machines: defaultdict[str, list[Pod]] = defaultdict(list)
    for listening, *_ in _two_of_each_machine(pods, topology).values():
        first_of_machines[_vcn(listening, topology)].append(listening)
    found = _first_pair(
        pods,
        lambda pod: [one for one in first_of_machines[_vcn(pod, topology)][:2] if machine(one) is not machine(pod)],
    )
    return found or "no two pods on different nodes, one of them listening"


def _vcn(pod: Pod, topology: Topology) -> str:
    return topology.subnets[topology.nodes[pod.node].subnet].vcn


def _ingress(topology: Topology) -> _Pair | str:
    hosts = sorted(host.id for host in topology.internet.values())
    services = sorted(service.id for service in topology.services.values() if service.type == "LoadBalancer")
    if not hosts or not services:
        return "no Service of type LoadBalancer" if hosts else "no Internet host"
    service = topology.services[services[0].removeprefix("service/")]
    port = service.ports[0]
    return hosts[0], service.id, Listener(port.protocol, port.port)


def _egress(topology: Topology) -> _Pair | str:
    pods = _pods(topology)
    hosts = sorted((host for host in topology.internet.values() if host.listen), key=lambda host: host.id)
    if not pods or not hosts:
        return "no Internet host that listens" if pods else "no pod with addresses of its own"
    return pods[0].id, hosts[0].id, hosts[0].listen[0]


def _vcn_internal(topology: Topology) -> _Pair | str:
    nodes = sorted(node.id for node in topology.nodes.values())
    pods = _listening(_pods(topology))
    if not nodes or not pods:
        return "no pod that listens" if nodes else "no node"
    return nodes[0], pods[0].id, pods[0].listen[0]


def _on_premises(topology: Topology) -> _Pair | str:
    outside = sorted((device for device in topology.devices.values() if _is_outside(device)), key=lambda d: d.id)
    if not outside:
        return "no on-premises network: no generic device outside the VCNs"
    pods, listening = _pods(topology), [device for device in outside if device.listen]
    if not pods or not listening:
        return "no generic device outside the VCNs that listens" if pods else "no pod with addresses of its own"
    joined = _joined_links(topology)
    target = next((device for device in listening if joined & _links(device)), None)
    if target is None:
        return "no DRG and no appliance leads to a generic device outside the VCNs that listens"
    return pods[0].id, target.id, target.listen[0]


def _joined_links(topology: Topology) -> set[str]:
    """The links on which a DRG or a device in a subnet is, and those that other devices join to them."""
    gateways = topology.gateways.values()
    joined = {gateway.link for gateway in gateways if isinstance(gateway, DynamicRoutingGateway)}
    waiting = list(topology.devices.values())
    while found := [device for device in waiting if not _is_outside(device) or joined & _links(device)]:
        joined |= {link for device in found for link in _links(device)}
        waiting = [device for device in waiting if device not in found]
    return joined


def _links(device: GenericDevice) -> set[str]:
    return {interface.link for interface in device.interfaces.values() if interface.link and not interface.subnet}


def _is_outside(device: GenericDevice) -> bool:
    return all(interface.subnet is None for interface in device.interfaces.values())


_PAIRS: dict[PathType, Callable[[Topology], _Pair | str]] = {
    PathType.SAME_NODE: _same_node,
    PathType.CROSS_NODE: _cross_node,
    PathType.INGRESS: _ingress,
    PathType.EGRESS: _egress,
    PathType.VCN_INTERNAL: _vcn_internal,
    PathType.ON_PREMISES: _on_premises,
}


def _pods(topology: Topology) -> list[Pod]:
    """The pods with addresses of their own, in the order of their ids."""
    return sorted((pod for pod in topology.pods.values() if not pod.host_network), key=lambda pod: pod.id)


def _listening(pods: Iterable[Pod]) -> list[Pod]:
    return [pod for pod in pods if pod.listen]


def _two_of_each_machine(pods: Iterable[Pod], topology: Topology) -> dict[str, list[Pod]]:
    """The first two listening pods of each node, of which one at least is not the asker; nodes by first pod.

    A pod on a virtual node is alone.
    """
    found: dict[str, list[Pod]] = {}
    for pod in _listening(pods):
        kept = found.setdefault(topology.machine_of(pod).id, [])
        if len(kept) < 2:
            kept.append(pod)
    return found


def _first_pair(pods: Sequence[Pod], targets: Callable[[Pod], Iterable[Pod]]) -> _Pair | None:
    return next(
        ((pod.id, target.id, target.listen[0]) for pod in pods for target in targets(pod) if target is not pod),
        None,
    )
