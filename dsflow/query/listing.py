"""What exists, kind by kind, as rows: the tables of ``dsflow get``.

A kind is a table in the source of truth, so it is one here: its columns, and a function that gives the
cells of one object.  The first columns are always shown, the rest in a wide listing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from dsflow.errors import UsageError, did_you_mean
from dsflow.model.cluster import Node, Pod
from dsflow.model.devices import DeviceRoute, RouteType
from dsflow.model.security import SecurityRule, SecurityRules
from dsflow.model.vcn import DynamicRoutingGateway, NatGateway, ServiceGateway
from dsflow.net.address import Address, Family
from dsflow.query.listed_services import (
    LOAD_BALANCER_COLUMNS,
    SERVICE_COLUMNS,
    labels_text,
    load_balancer_rows,
    service_rows,
)
from dsflow.query.table import Row, Table
from dsflow.simulation import Simulation

__all__ = ["KINDS", "Listing", "kind_of", "listing"]


class Entry(NamedTuple):
    """One object: its id, and a value for every column (None or empty where it has none)."""

    id: str
    values: tuple[Any, ...]


class Kind(NamedTuple):
    """The columns of a kind, how many of them are always shown, and its objects."""

    columns: tuple[str, ...]
    shown: int
    entries: Callable[[Simulation], Iterable[Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The objects of one kind in the order of the scenario."""

    kind: str
    columns: tuple[str, ...]
    shown: int
    entries: tuple[Entry, ...]

    def table(self, *, wide: bool = False) -> Table:
        """The objects as a table."""
        count = len(self.columns) if wide else self.shown
        rows = (Row(tuple(_text(value) for value in entry.values[:count])) for entry in self.entries)
        return Table(self.columns[:count], tuple(rows))

    def ids(self) -> tuple[str, ...]:
        """The id of every object."""
        return tuple(entry.id for entry in self.entries)

    def to_json(self) -> dict[str, Any]:
        """Every column of every object; null where there is nothing."""
        names = [column.lower().replace("-", "_") for column in self.columns]
        items = [
            {"id": entry.id, **{name: _plain(value) for name, value in zip(names, entry.values, strict=True)}}
            for entry in self.entries
        ]
        return {"schema": "dsflow.list/1", "kind": self.kind, "items": items}


def listing(simulation: Simulation, kind: str) -> Listing:
    """What exists of a kind, as :func:`kind_of` understands it.

    >>> import dsflow
    >>> listing(dsflow.load("two-pods"), "nodes").ids()
    ('node/node-1', 'node/node-2')
    """
    name = kind_of(kind)
    found = KINDS[name]
    return Listing(kind=name, columns=found.columns, shown=found.shown, entries=tuple(found.entries(simulation)))


def kind_of(text: str) -> str:
    """The name of a kind: in the plural, the singular or kubectl's short form.

    Raises
    ------
    UsageError
        For a kind that there is not.

    >>> kind_of("pod"), kind_of("svc"), kind_of("Routes")
    ('pods', 'services', 'routes')
    """
    word = text.lower()
    found = _SHORT.get(word, word if word in KINDS else f"{word}s")
    if found not in KINDS:
        hint = did_you_mean(word, KINDS)
        raise UsageError(f'"{text}": no such kind; there is {", ".join(KINDS)}{hint}')
    return found


_SHORT = {
    "po": "pods",
    "no": "nodes",
    "ns": "namespaces",
    "svc": "services",
    "lb": "load-balancers",
    "lbs": "load-balancers",
    "loadbalancers": "load-balancers",
    "gw": "gateways",
    "internet": "hosts",
    "netpol": "policies",
    "networkpolicies": "policies",
    "network-policies": "policies",
    "policy": "policies",
    "nsgs": "security-rules",
    "security-lists": "security-rules",
    "route-tables": "routes",
}


def _text(value: Any) -> str:
    """A value as a cell: words for yes and no, commas in lists, nothing for None."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case None | bool() | int() | float():
            return value
        case tuple():
            return [str(item) for item in value]
        case _:
            return str(value)


def _pods(simulation: Simulation) -> Iterator[Entry]:
    nodes = simulation.topology.nodes
    for pod in simulation.topology.pods.values():
        holder: Pod | Node = nodes[pod.node] if pod.host_network else pod
        place = pod.namespace, pod.name, holder.ipv4, holder.ipv6, pod.node
        yield Entry(pod.id, (*place, holder.subnet, pod.listen, labels_text(pod.labels), pod.host_network, _state(pod)))


def _state(pod: Pod) -> str:
    """What Services go by."""
    return "terminating" if pod.terminating else "ready" if pod.ready else "not ready"


def _nodes(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    pods = Counter(pod.node for pod in topology.pods.values())
    for node in topology.nodes.values():
        cells = node.name, node.ipv4, node.ipv6, node.subnet, pods[node.name]
        yield Entry(
            node.id, (*cells, node.public_ipv4, node.availability_domain, node.listen, labels_text(node.labels))
        )


def _namespaces(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    pods = Counter(pod.namespace for pod in topology.pods.values())
    for space in topology.namespaces.values():
        yield Entry(f"namespace/{space.name}", (space.name, pods[space.name], labels_text(space.labels)))


def _services(simulation: Simulation) -> Iterator[Entry]:
    yield from (Entry(*row) for row in service_rows(simulation.topology))


def _load_balancers(simulation: Simulation) -> Iterator[Entry]:
    yield from (Entry(*row) for row in load_balancer_rows(simulation.topology))


def _vcns(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    for vcn in topology.vcns.values():
        ipv6 = tuple(f"{entry.prefix} ({entry.origin})" for entry in vcn.ipv6)
        subnets = tuple(subnet.name for subnet in topology.subnets.values() if subnet.vcn == vcn.name)
        yield Entry(vcn.id, (vcn.name, vcn.ipv4, ipv6, subnets))


def _subnets(simulation: Simulation) -> Iterator[Entry]:
    for subnet in simulation.topology.subnets.values():
        access = "public" if subnet.public else "private"
        yield Entry(subnet.id, (subnet.name, subnet.ipv4, subnet.ipv6, access, subnet.route_table, subnet.vcn))


def _routes(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    for table in topology.route_tables.values():
        users = tuple(subnet.name for subnet in topology.subnets.values() if subnet.route_table == table.name)
        for number, rule in enumerate(table.rules, start=1):
            yield Entry(f"{table.id}#{number}", (table.name, rule.destination, rule.target, users, rule.source))
    for device in topology.devices.values():
        for number, route in enumerate(device.routes, start=1):
            yield Entry(f"{device.id}/routes#{number}", (device.id, route.to, _target(route), (), route.source))
    for gateway in topology.gateways.values():
        if isinstance(gateway, DynamicRoutingGateway):
            for number, way in enumerate(gateway.routes, start=1):
                cells = gateway.id, way.to, f"{way.via} {gateway.link}", (), way.source
                yield Entry(f"{gateway.id}/routes#{number}", cells)


def _target(route: DeviceRoute) -> str:
    """Where a device's route leads: a next hop, an interface, or what becomes of the packets instead."""
    if route.type is not RouteType.UNICAST:
        return str(route.type) if route.metric is None else f"{route.type} metric {route.metric}"
    way = str(route.interface) if route.via is None else f"{route.via} {route.interface}"
    more = (("metric", route.metric), ("mtu", route.mtu_bytes), ("src", route.source_address))
    return way + "".join(f" {name} {value}" for name, value in more if value is not None)


def _gateways(simulation: Simulation) -> Iterator[Entry]:
    for gateway in simulation.topology.gateways.values():
        public = gateway.public_ipv4 if isinstance(gateway, NatGateway) else None
        services = tuple(label for label, _ in gateway.services) if isinstance(gateway, ServiceGateway) else ()
        drg = gateway if isinstance(gateway, DynamicRoutingGateway) else None
        far = (drg.link, drg.addresses) if drg else (None, ())
        yield Entry(gateway.id, (gateway.name, gateway.id, gateway.vcn, gateway.enabled, public, services, *far))


def _hosts(simulation: Simulation) -> Iterator[Entry]:
    for host in simulation.topology.internet.values():
        yield Entry(host.id, (host.name, host.ipv4, host.ipv6, host.listen, host.distance_km, host.access))


def _devices(simulation: Simulation) -> Iterator[Entry]:
    for device in simulation.dataplane.values():
        addresses = tuple(
            str(Address(Family(family), value))
            for interface in device.interfaces.values()
            for family, values in interface.addresses.items()
            for value in values
        )
        yield Entry(device.id, (device.id, device.kind, len(device.interfaces), tuple(device.interfaces), addresses))


def _links(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    for link in topology.links.values():
        ends = tuple(
            f"{device.name}:{interface.name}"
            for device in topology.devices.values()
            for interface in device.interfaces.values()
            if interface.link == link.name
        )
        ends += tuple(
            f"{gateway.id}:{gateway.link}"
            for gateway in topology.gateways.values()
            if isinstance(gateway, DynamicRoutingGateway) and gateway.link == link.name
        )
        kind = "point-to-point" if len(ends) <= 2 else "lan"
        yield Entry(f"link/{link.name}", (link.name, kind, len(ends), ends, link.source))


def _security_rules(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    holders: list[SecurityRules] = [*topology.security_lists.values(), *topology.nsgs.values()]
    for holder in holders:
        for side, rules in (("ingress", holder.ingress), ("egress", holder.egress)):
            for number, rule in enumerate(rules, start=1):
                state = "stateless" if rule.stateless else "stateful"
                cells = holder.id, side, number, rule.peer, _traffic(rule), state, rule.source
                yield Entry(f"{holder.id}/{side}#{number}", cells)


def _traffic(rule: SecurityRule) -> str:
    """The protocol of a security rule, with its ports or ICMP type."""
    parts = (("from", rule.sport), ("to", rule.dport), ("type", rule.icmp_type), ("code", rule.icmp_code))
    return rule.protocol + "".join(f" {name} {value}" for name, value in parts if value is not None)


def _policies(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    for policy in topology.network_policies.values():
        pods = [pod for pod in topology.pods.values() if pod.namespace == policy.namespace and not pod.host_network]
        isolated = tuple(pod.name for pod in pods if policy.selector.selects(dict(pod.labels)))
        cells = policy.namespace, policy.name, policy.selector, policy.sides, len(isolated)
        yield Entry(policy.id, (*cells, len(policy.ingress), len(policy.egress), isolated))


KINDS: dict[str, Kind] = {
    "pods": Kind(
        ("NS", "NAME", "IPv4", "IPv6", "NODE", "SUBNET", "LISTEN", "LABELS", "HOST-NETWORK", "STATE"), 5, _pods
    ),
    "nodes": Kind(("NAME", "IPv4", "IPv6", "SUBNET", "PODS", "PUBLIC-IPv4", "DOMAIN", "LISTEN", "LABELS"), 5, _nodes),
    "namespaces": Kind(("NAME", "PODS", "LABELS"), 3, _namespaces),
    "services": Kind(SERVICE_COLUMNS, 6, _services),
    "load-balancers": Kind(LOAD_BALANCER_COLUMNS, 6, _load_balancers),
    "vcns": Kind(("NAME", "IPv4", "IPv6", "SUBNETS"), 3, _vcns),
    "subnets": Kind(("NAME", "IPv4", "IPv6", "ACCESS", "ROUTE-TABLE", "VCN"), 5, _subnets),
    "routes": Kind(("TABLE", "DESTINATION", "TARGET", "SUBNETS", "SOURCE"), 4, _routes),
    "gateways": Kind(("NAME", "ID", "VCN", "ENABLED", "PUBLIC-IPv4", "SERVICES", "LINK", "ADDRESSES"), 5, _gateways),
    "security-rules": Kind(("OF", "SIDE", "RULE", "PEER", "TRAFFIC", "STATE", "SOURCE"), 6, _security_rules),
    "policies": Kind(("NS", "NAME", "SELECTOR", "SIDES", "PODS", "INGRESS", "EGRESS", "ISOLATED"), 5, _policies),
    "hosts": Kind(("NAME", "IPv4", "IPv6", "LISTEN", "DISTANCE-KM", "ACCESS"), 4, _hosts),
    "devices": Kind(("ID", "KIND", "INTERFACES", "NAMES", "ADDRESSES"), 3, _devices),
    "links": Kind(("NAME", "KIND", "ENDS", "INTERFACES", "SOURCE"), 4, _links),
}
"""Everything that can be listed, in the order in which messages name it."""
