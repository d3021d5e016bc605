"""What must hold of pods, Services, addresses and questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from dsflow.model.question import Flow
from dsflow.model.services import NODE_PORTS, Service
from dsflow.model.topology import Topology
from dsflow.model.vcn import NatGateway
from dsflow.net.address import Address, Family, Prefix
from dsflow.scenario.checks_devices import device_addresses
from dsflow.scenario.checks_drg import drgs
from dsflow.scenario.checks_vcn import NEVER_A_HOST
from dsflow.scenario.document import Path, dotted, show
from dsflow.scenario.parsed import Parsed

__all__ = [
    "cluster_addresses",
    "duplicate_addresses",
    "internet_hosts",
    "node_ports",
    "node_ports_out_of_range",
    "pods",
    "public_addresses",
    "questions",
    "service_ranges",
    "services",
]


def pods(topology: Topology, parsed: Parsed) -> None:
    """A pod's node exists, and the pod's subnet is in the node's VCN."""
    for name, pod in topology.pods.items():
        node = topology.nodes.get(pod.node)
        if node is None:
            if not parsed.is_set_aside("nodes", pod.node):
                parsed.report_unknown(("pods", name, "node"), pod.node, "node", topology.nodes)
            continue
        pod_subnet, node_subnet = topology.subnets.get(pod.subnet or ""), topology.subnets.get(node.subnet)
        if pod_subnet and node_subnet and pod_subnet.vcn != node_subnet.vcn:
            found = f"a pod in VCN {pod_subnet.vcn} on a node in VCN {node_subnet.vcn}"
            parsed.report(("pods", name), found, "one VCN for both; more is not modelled")


def services(topology: Topology, parsed: Parsed) -> None:
    """Ports are named and used once, and a load balancer stands in front of type LoadBalancer only."""
    balancers = [balancer.id for balancer in topology.load_balancers.values()]
    network = {name for name, balancer in topology.load_balancers.items() if balancer.is_network}
    listeners: dict[tuple[str, str, int], str] = {}
    for name, service in topology.services.items():
        path = ("services", name)
        _service_ports(path, service, parsed)
        given = service.load_balancer
        if (given is None) == (service.type == "LoadBalancer"):
            found = "no load_balancer" if given is None else "a load_balancer"
            expected = "such as lb/NAME" if given is None else "type: LoadBalancer"
            parsed.report(path, f"{found} with type: {service.type}", expected)
        if given is None:
            continue
        if given not in balancers and not parsed.is_set_aside("load_balancers", given.partition("/")[2]):
            parsed.report_unknown((*path, "load_balancer"), given, "load balancer", balancers)
        for index, port in enumerate(service.ports):
            flexible = given.partition("/")[2] not in network
            if port.protocol != "tcp" and flexible:
                found = f"{port.protocol}/{port.port} on a flexible load balancer"
                parsed.report((*path, "ports", index), found, "tcp, the only protocol that it proxies")
            earlier = listeners.setdefault((given, port.protocol, port.port), name)
            if earlier != name:
                found = f"{port.protocol}/{port.port} on {given}, which services.{earlier} has already"
                parsed.report((*path, "ports", index), found, "a port that no other Service has there")


def _service_ports(path: Path, service: Service, parsed: Parsed) -> None:
    numbers: set[tuple[str, int]] = set()
    names: set[str] = set()
    for index, port in enumerate(service.ports):
        here = (*path, "ports", index)
        if (port.protocol, port.port) in numbers:
            parsed.report(here, f"{port.protocol}/{port.port} again", "every port once")
        if port.name is not None and port.name in names:
            parsed.report((*here, "name"), f"{show(port.name)} again", "every name once")
        numbers.add((port.protocol, port.port))
        names.add(port.name or "")


def node_ports(topology: Topology, parsed: Parsed) -> None:
    """A node port belongs to one Service alone, and to one that is reached from outside."""
    taken: dict[tuple[str, int], str] = {}
    needed = Counter[str]()
    for name, service in topology.services.items():
        for index, port in enumerate(service.ports):
            needed[port.protocol] += service.type != "ClusterIP"
            if service.type != "ClusterIP" and needed[port.protocol] == len(NODE_PORTS) + 1:
                found = f"the {len(NODE_PORTS) + 1:,}th {port.protocol} port that needs one on the nodes"
                parsed.report(("services", name), found, f"{len(NODE_PORTS):,} at most: 30000-32767")
            path = ("services", name, "ports", index, "node_port")
            if port.node_port is None:
                continue
            if service.type == "ClusterIP":
                parsed.report(path, f"{port.node_port} with type: ClusterIP", "type: NodePort or LoadBalancer")
            earlier = taken.setdefault((port.protocol, port.node_port), name)
            if earlier != name:
                found = f"{port.protocol}/{port.node_port}, which services.{earlier} has already"
                parsed.report(path, found, "a node port that no other Service has")
    for name, service in topology.services.items():
        number = service.health_check_node_port
        if number is not None:
            own = f"{name} for health checks"
            holder = taken.setdefault(("tcp", number), own)
            if holder != own:
                found = f"tcp/{number}, which services.{holder} has already"
                parsed.report(("services", name, "health_check_node_port"), found, "a port of its own")


def node_ports_out_of_range(topology: Topology, parsed: Parsed) -> None:
    """Kubernetes gives node ports out of one range, unless the API server is told otherwise."""
    for name, service in topology.services.items():
        for index, port in enumerate(service.ports):
            if port.node_port is not None and port.node_port not in NODE_PORTS:
                told = f"{port.node_port} is outside 30000-32767, from which OKE's API server takes node ports"
                parsed.note(("services", name, "ports", index, "node_port"), told)


def service_ranges(topology: Topology, parsed: Parsed) -> None:
    """One range a family, outside of every VCN (OKE's console page for custom clusters, read 2026-09)."""
    first: dict[Family, Prefix] = {}
    for at, prefix in enumerate(topology.service_ranges):
        path = ("service_ranges", at)
        if first.setdefault(prefix.family, prefix) is not prefix:
            parsed.report(path, f'"{prefix}" beside {first[prefix.family]}', f"one {prefix.family.title} range")
        for name, own in _overlapping(prefix, topology):
            found = f'"{prefix}", which overlaps {own} of VCN {name}'
            parsed.report(path, found, "a range outside, as OKE demands")


def _overlapping(prefix: Prefix, topology: Topology) -> Iterator[tuple[str, Prefix]]:
    """The prefixes of VCNs that overlap one, with their VCN."""
    for vcn in topology.vcns.values():
        yield from ((vcn.name, own) for own in vcn.prefixes(prefix.family) if own in prefix or prefix in own)


def cluster_addresses(topology: Topology, parsed: Parsed) -> None:
    """A ClusterIP lies outside every VCN, and in the range of Services where that is written."""
    for name, service in topology.services.items():
        for key, address in (("cluster_ipv4", service.cluster_ipv4), ("cluster_ipv6", service.cluster_ipv6)):
            if address is None:
                continue
            _check_outside_vcns(("services", name, key), address, topology, parsed)
            ranges = [prefix for prefix in topology.service_ranges if prefix.family is address.family]
            ranges = [prefix for prefix in ranges if not any(_overlapping(prefix, topology))]
            if ranges and not any(address in prefix for prefix in ranges):
                parsed.report(("services", name, key), f'"{address}"', f"an address in {ranges[0]}, the service range")


def public_addresses(topology: Topology, parsed: Parsed) -> None:
    """A public address lies outside every VCN, and its VNIC in a public subnet."""
    for path, address in _public_addresses(topology):
        _check_outside_vcns(path, address, topology, parsed)
        _check_usable(path, address, parsed)
    for collection in ("nodes", "load_balancers"):
        for name, holder in getattr(topology, collection).items():
            subnet = topology.subnets.get(holder.subnet)
            if holder.public_ipv4 is not None and holder.ipv4 is None:
                parsed.report((collection, name), "public_ipv4 without ipv4", "the private address behind it")
            if holder.public_ipv4 is not None and subnet is not None and not subnet.public:
                found = f'"{holder.public_ipv4}" in the private subnet {subnet.name}'
                parsed.report((collection, name, "public_ipv4"), found, "a subnet with access: public")


def internet_hosts(topology: Topology, parsed: Parsed) -> None:
    """A host on the Internet has an address that a host can have."""
    for path, address in _internet_addresses(topology):
        _check_usable(path, address, parsed)
    for name, host in topology.internet.items():
        if host.ipv4 is None and host.ipv6 is None:
            parsed.report(("internet", name), "no address", "ipv4, ipv6 or both")


def _check_outside_vcns(path: Path, address: Address, topology: Topology, parsed: Parsed) -> None:
    for vcn in topology.vcns.values():
        for prefix in vcn.prefixes(address.family):
            if address in prefix:
                parsed.report(path, f'"{address}", which is in {prefix} of VCN {vcn.name}', "an address outside")


def _check_usable(path: Path, address: Address, parsed: Parsed) -> None:
    for never in NEVER_A_HOST:
        if address in never:
            parsed.report(path, f'"{address}", which is in {never}', "an address that a host can have")


def duplicate_addresses(topology: Topology, parsed: Parsed) -> None:
    """Nothing has an address that something else has."""
    first: dict[Address, Path] = {}
    of_devices = ((path, entry.address) for path, entry in device_addresses(parsed))
    for path, address in chain(_all_addresses(topology), of_devices):
        earlier = first.setdefault(address, path)
        if earlier is not path:
            where = f"{dotted(earlier)} ({parsed.document.source(earlier)})"
            parsed.report(path, f'"{address}", which {where} has already', "an address of its own")


def _all_addresses(topology: Topology) -> Iterator[tuple[Path, Address]]:
    for collection in ("nodes", "pods", "load_balancers"):
        for name, holder in getattr(topology, collection).items():
            if holder.ipv4 is not None:
                yield (collection, name, "ipv4"), holder.ipv4
            if holder.ipv6 is not None:
                yield (collection, name, "ipv6"), holder.ipv6
    for name, service in topology.services.items():
        if service.cluster_ipv4 is not None:
            yield ("services", name, "cluster_ipv4"), service.cluster_ipv4
        if service.cluster_ipv6 is not None:
            yield ("services", name, "cluster_ipv6"), service.cluster_ipv6
    yield from _public_addresses(topology)
    yield from _internet_addresses(topology)
    for path, gateway in drgs(topology):
        yield from (((*path, "addresses", at), entry.address) for at, entry in enumerate(gateway.addresses))


def _public_addresses(topology: Topology) -> Iterator[tuple[Path, Address]]:
    for name, gateway in topology.gateways.items():
        if isinstance(gateway, NatGateway):
            yield ("gateways", name, "public_ipv4"), gateway.public_ipv4
    for collection in ("nodes", "load_balancers"):
        for name, holder in getattr(topology, collection).items():
            if holder.public_ipv4 is not None:
                yield (collection, name, "public_ipv4"), holder.public_ipv4


def _internet_addresses(topology: Topology) -> Iterator[tuple[Path, Address]]:
    for name, host in topology.internet.items():
        if host.ipv4 is not None:
            yield ("internet", name, "ipv4"), host.ipv4
        if host.ipv6 is not None:
            yield ("internet", name, "ipv6"), host.ipv6


def questions(topology: Topology, parsed: Parsed) -> None:
    """Both ends of each flow and expectation exist, and an end given as an address is of its family."""
    if not topology.flows and not topology.expect:
        return
    ids = _end_points(topology)
    for collection, flows in (("flows", topology.flows), ("expect", [e.flow for e in topology.expect])):
        for index, flow in enumerate(flows):
            _check_ends((collection, parsed.position(collection, index)), flow, ids, parsed)


def _end_points(topology: Topology) -> set[str]:
    groups = (
        topology.nodes, topology.pods, topology.services, topology.load_balancers, topology.internet, topology.devices,
    )  # fmt: skip
    return {entry.id for group in groups for entry in group.values()} | set(topology.devices)


def _check_ends(path: Path, flow: Flow, ids: set[str], parsed: Parsed) -> None:
    for key, end in (("from", flow.origin), ("to", flow.target)):
        if end in ids or _is_set_aside(end, parsed):
            continue
        try:
            address = Address.parse(end)
        except ValueError:
            parsed.report_unknown((*path, key), end, "end point", sorted(ids))
            continue
        if address.family is not flow.family:
            parsed.report((*path, key), f'"{end}"', f"an {flow.family.title} address, as family says")
    if flow.source_address is not None and Address.parse(flow.source_address).family is not flow.family:
        parsed.report((*path, "source"), f'"{flow.source_address}"', f"an {flow.family.title} address")


_COLLECTION_OF = {
    "node": "nodes", "pod": "pods", "service": "services", "lb": "load_balancers", "internet": "internet",
    "device": "devices",
}  # fmt: skip


def _is_set_aside(end: str, parsed: Parsed) -> bool:
    kind, slash, name = end.partition("/")
    if not slash:
        kind, name = "device", end
    return kind in _COLLECTION_OF and parsed.is_set_aside(_COLLECTION_OF[kind], name)
