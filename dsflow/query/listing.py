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
from dsflow.model.security import SecurityRule, SecurityRules
from dsflow.net.address import Address, Family
from dsflow.query.entry import Entry
from dsflow.query.listed_services import (
    LOAD_BALANCER_COLUMNS,
    SERVICE_COLUMNS,
    labels_text,
    load_balancer_rows,
    service_rows,
)
from dsflow.query.listing_network import gateways, links, routes, subnets, vcns, vnics
from dsflow.query.table import Row, Table
from dsflow.simulation import Simulation

__all__ = ["KINDS", "Listing", "kind_of", "listing"]


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
        rest = node.public_ipv4, node.availability_domain, node.listen, node.pod_capacity, node.route_table
        kind = "virtual" if node.virtual else "managed"
        yield Entry(node.id, (*cells, *rest, labels_text(node.labels), kind))


def _namespaces(simulation: Simulation) -> Iterator[Entry]:
    topology = simulation.topology
    pods = Counter(pod.namespace for pod in topology.pods.values())
    for space in topology.namespaces.values():
        yield Entry(f"namespace/{space.name}", (space.name, pods[space.name], labels_text(space.labels)))


def _services(simulation: Simulation) -> Iterator[Entry]:
    yield from (Entry(*row) for row in service_rows(simulation.topology))


def _load_balancers(simulation: Simulation) -> Iterator[Entry]:
    yield from (Entry(*row) for row in load_balancer_rows(simulation.topology))


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
    "nodes": Kind(
        (
            "NAME",
            "IPv4",
            "IPv6",
            "SUBNET",
            "PODS",
            "PUBLIC-IPv4",
            "DOMAIN",
            "LISTEN",
            "CAPACITY",
            "ROUTE-TABLE",
            "LABELS",
            "KIND",
        ),
        5,
        _nodes,
    ),
    "vnics": Kind(("OWNER", "INTERFACE", "SUBNET", "IPv4s", "IPv6s", "ROUTE-TABLE", "VCN", "ADDRESSES"), 6, vnics),
    "namespaces": Kind(("NAME", "PODS", "LABELS"), 3, _namespaces),
    "services": Kind(SERVICE_COLUMNS, 6, _services),
    "load-balancers": Kind(LOAD_BALANCER_COLUMNS, 6, _load_balancers),
    "vcns": Kind(("NAME", "IPv4", "IPv6", "SUBNETS"), 3, vcns),
    "subnets": Kind(("NAME", "IPv4", "IPv6", "ACCESS", "ROUTE-TABLE", "VCN"), 5, subnets),
    "routes": Kind(("TABLE", "DESTINATION", "TARGET", "SUBNETS", "SOURCE", "OTHERS"), 4, routes),
    "gateways": Kind(
        ("NAME", "ID", "VCN", "ENABLED", "PUBLIC-IPv4", "SERVICES", "LINK", "ADDRESSES", "PEER", "ROUTE-TABLE"),
        5,
        gateways,
    ),
    "security-rules": Kind(("OF", "SIDE", "RULE", "PEER", "TRAFFIC", "STATE", "SOURCE"), 6, _security_rules),
    "policies": Kind(("NS", "NAME", "SELECTOR", "SIDES", "PODS", "INGRESS", "EGRESS", "ISOLATED"), 5, _policies),
    "hosts": Kind(("NAME", "IPv4", "IPv6", "LISTEN", "DISTANCE-KM", "ACCESS"), 4, _hosts),
    "devices": Kind(("ID", "KIND", "INTERFACES", "NAMES", "ADDRESSES"), 3, _devices),
    "links": Kind(("NAME", "KIND", "ENDS", "INTERFACES", "SOURCE"), 4, links),
}
"""Everything that can be listed, in the order in which messages name it."""
