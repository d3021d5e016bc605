"""A topology as a scenario: plain data, and the YAML text that people would write.

Reading what is written gives an equal topology, sources aside.  What the reader fills in itself
(defaults, subnets found by address, the only VCN) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_never

from dsflow.model.cluster import Node, Pod
from dsflow.model.internet import InternetHost
from dsflow.model.question import Expectation, Flow
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.model.topology import Topology
from dsflow.model.vcn import (
    DynamicRoutingGateway,
    Gateway,
    InternetGateway,
    NatGateway,
    RouteTable,
    ServiceGateway,
    Subnet,
    Vcn,
)
from dsflow.net.address import Family
from dsflow.scenario.text import resolve
from dsflow.scenario.write_devices import device_data

__all__ = ["scalar", "to_data", "to_yaml"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|[0-9]+(?:\.[0-9]+){3}(?:/[0-9]+)?")
_BOOLEANS_ELSEWHERE = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_DEFAULT_TTL = Flow(origin="", target="", family=Family.IPV4).ttl
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def to_data(topology: Topology) -> dict[str, Any]:
    """The scenario of a topology: what :func:`dsflow.scenario.read` takes as a mapping."""
    vcn_named = len(topology.vcns) > 1
    data: dict[str, Any] = {
        "apiVersion": "dsflow/v1",
        "name": topology.name,
        "profile": str(topology.profile),
        "description": topology.description or None,
        "vcns": {name: _vcn(vcn) for name, vcn in topology.vcns.items()},
        "gateways": {name: _gateway(gateway, vcn_named=vcn_named) for name, gateway in topology.gateways.items()},
        "route_tables": {
            name: _route_table(table, vcn_named=vcn_named) for name, table in topology.route_tables.items()
        },
        "subnets": {name: _subnet(subnet, vcn_named=vcn_named) for name, subnet in topology.subnets.items()},
        "nodes": {name: _node(node) for name, node in topology.nodes.items()},
        "namespaces": _namespaces(topology),
        "pods": {name: _pod(pod) for name, pod in topology.pods.items()},
        "services": {name: _service(service) for name, service in topology.services.items()},
        "load_balancers": {name: _balancer(balancer) for name, balancer in topology.load_balancers.items()},
        "internet": {name: _host(host) for name, host in topology.internet.items()},
        "links": {name: {} for name in topology.links},
        "devices": {name: device_data(device) for name, device in topology.devices.items()},
        "flows": [_flow(flow) for flow in topology.flows],
        "expect": [_expectation(expectation) for expectation in topology.expect],
    }
    return _said(data)


def _said(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that say something: neither None nor an empty list or mapping."""
    return {key: value for key, value in entries.items() if value is not None and value not in ([], {})}


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _texts(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]


def _vcn(vcn: Vcn) -> dict[str, Any]:
    ipv6 = [{"prefix": str(entry.prefix), "origin": str(entry.origin)} for entry in vcn.ipv6]
    return _said({"ipv4": _texts(vcn.ipv4), "ipv6": ipv6})


def _gateway(gateway: Gateway, *, vcn_named: bool) -> dict[str, Any]:
    data: dict[str, Any]
    match gateway:
        case InternetGateway():
            data = {"kind": "internet"}
        case NatGateway():
            data = {"kind": "nat", "public_ipv4": str(gateway.public_ipv4)}
        case ServiceGateway():
            data = {"kind": "service", "services": {k: _texts(v) for k, v in gateway.services}}
        case DynamicRoutingGateway():
            routes = {str(route.to): str(route.via) for route in gateway.routes}
            data = {"kind": "drg", "link": gateway.link, "addresses": _texts(gateway.addresses), "routes": routes}
        case _:
            assert_never(gateway)
    vcn = gateway.vcn if vcn_named else None
    return _said({**data, "enabled": None if gateway.enabled else False, "vcn": vcn})


def _route_table(table: RouteTable, *, vcn_named: bool) -> dict[str, Any]:
    rules = {str(rule.destination): rule.target for rule in table.rules}
    return _said({"vcn": table.vcn if vcn_named else None, "rules": rules})


def _subnet(subnet: Subnet, *, vcn_named: bool) -> dict[str, Any]:
    return _said(
        {
            "vcn": subnet.vcn if vcn_named else None,
            "ipv4": _text(subnet.ipv4),
            "ipv6": _texts(subnet.ipv6),
            "access": "public" if subnet.public else "private",
            "route_table": subnet.route_table,
        }
    )


def _node(node: Node) -> dict[str, Any]:
    return _said(
        {
            "ipv4": _text(node.ipv4),
            "ipv6": _text(node.ipv6),
            "public_ipv4": _text(node.public_ipv4),
            "availability_domain": node.availability_domain,
            "listen": _texts(node.listen),
        }
    )


def _namespaces(topology: Topology) -> dict[str, Any]:
    """Those that say more than that a pod or Service lives in them."""
    implied = {pod.namespace for pod in topology.pods.values()}
    implied |= {service.namespace for service in topology.services.values()}
    return {
        name: _said({"labels": dict(namespace.labels)})
        for name, namespace in topology.namespaces.items()
        if namespace.labels or name not in implied
    }


def _pod(pod: Pod) -> dict[str, Any]:
    return _said(
        {
            "node": pod.node,
            "host_network": pod.host_network or None,
            "ipv4": _text(pod.ipv4),
            "ipv6": _text(pod.ipv6),
            "labels": dict(pod.labels),
            "listen": _texts(pod.listen),
            "ready": None if pod.ready else False,
            "terminating": pod.terminating or None,
        }
    )


def _service(service: Service) -> dict[str, Any]:
    return _said(
        {
            "type": service.type,
            "selector": dict(service.selector),
            "ports": [_port(port) for port in service.ports],
            "load_balancer": service.load_balancer,
            "cluster_ipv4": _text(service.cluster_ipv4),
            "cluster_ipv6": _text(service.cluster_ipv6),
            "external_traffic_policy": _unless_cluster(service.external_policy),
            "internal_traffic_policy": _unless_cluster(service.internal_policy),
            "session_affinity": None if service.session_affinity == "None" else service.session_affinity,
        }
    )


def _port(port: ServicePort) -> dict[str, Any]:
    return _said(
        {
            "port": port.port,
            "target_port": port.target_port,
            "protocol": port.protocol,
            "name": port.name,
            "node_port": port.node_port,
        }
    )


def _unless_cluster(policy: str) -> str | None:
    """A traffic policy, unless it is what holds when none is written."""
    return None if policy == "Cluster" else policy


def _balancer(balancer: LoadBalancer) -> dict[str, Any]:
    addresses = {"ipv4": balancer.ipv4, "public_ipv4": balancer.public_ipv4, "ipv6": balancer.ipv6}
    return _said({"kind": "flexible", **{key: _text(address) for key, address in addresses.items()}})


def _host(host: InternetHost) -> dict[str, Any]:
    distance = int(host.distance_km) if host.distance_km.is_integer() else host.distance_km
    return _said(
        {
            "ipv4": _text(host.ipv4),
            "ipv6": _text(host.ipv6),
            "listen": _texts(host.listen),
            "distance_km": distance,
            "access": str(host.access),
        }
    )


def _flow(flow: Flow) -> dict[str, Any]:
    return _said(
        {
            "from": flow.origin,
            "to": flow.target,
            "family": str(flow.family),
            "protocol": flow.protocol,
            "sport": flow.sport,
            "dport": flow.dport,
            "size": flow.size_bytes,
            "df": flow.dont_fragment,
            "ttl": None if flow.ttl == _DEFAULT_TTL else flow.ttl,
            "source": flow.source_address,
        }
    )


def _expectation(expectation: Expectation) -> dict[str, Any]:
    claims = {key: _claim(value) for key, value in expectation.expected}
    return {**_flow(expectation.flow), **claims}


def _claim(value: object) -> object:
    if isinstance(value, tuple):
        return list(value) or "none"
    return value


def to_yaml(topology: Topology) -> str:
    """The scenario of a topology as YAML, one line per object, of a generic device one for each part."""
    return "\n".join(_lines(to_data(topology))) + "\n"


_OF_PARTS = "devices"
"""Where an object has too many parts for one line."""


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield ""
            yield f"{key}:"
            for name, entry in value.items():
                if key == _OF_PARTS and entry:
                    yield f"  {scalar(name)}:"
                    yield from _parts(entry)
                else:
                    yield f"  {scalar(name)}: {_flow_style(entry)}"
        elif isinstance(value, list):
            yield ""
            yield f"{key}:"
            yield from (f"  - {_flow_style(item)}" for item in value)
        else:
            yield f"{key}: {scalar(value)}"


def _parts(entries: Mapping[str, Any]) -> Iterator[str]:
    """The parts of an object, one line each."""
    for key, value in entries.items():
        items = isinstance(value, list) and any(isinstance(item, dict) for item in value)
        if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
            yield f"    {scalar(key)}:"
            yield from (f"      {scalar(name)}: {_flow_style(entry)}" for name, entry in value.items())
        elif items:
            yield f"    {scalar(key)}:"
            yield from (f"      - {_flow_style(item)}" for item in value)
        else:
            yield f"    {scalar(key)}: {_flow_style(value)}"


def _flow_style(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {_flow_style(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow_style, value)) + "]"
    return scalar(value)


def scalar(value: object) -> str:
    """A scalar as YAML, quoted wherever this or another YAML reader might take it for something else."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, str):
        return repr(value)
    plain = _PLAIN.fullmatch(value) and value.lower() not in _BOOLEANS_ELSEWHERE
    return value if plain and resolve(value) == value else f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
