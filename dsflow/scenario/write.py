"""A topology as a scenario: plain data, and the YAML text that people would write.

Reading what is written gives an equal topology, sources aside.  What the reader fills in itself
(defaults, subnets found by address, the only VCN) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dsflow.model.question import Expectation, Flow
from dsflow.model.topology import Topology
from dsflow.net.address import Family
from dsflow.scenario.text import resolve
from dsflow.scenario.write_cloud import gateway_data, host_data, route_table_data, subnet_data, vcn_data
from dsflow.scenario.write_cluster import balancer_data, namespaces_data, node_data, pod_data, service_data
from dsflow.scenario.write_common import said, texts
from dsflow.scenario.write_devices import device_data
from dsflow.scenario.write_security import network_policy_data, security_rules_data

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
        "assumptions": dict(topology.assumptions),
        "vcns": {name: vcn_data(vcn) for name, vcn in topology.vcns.items()},
        "gateways": {name: gateway_data(gateway, vcn_named=vcn_named) for name, gateway in topology.gateways.items()},
        "route_tables": {
            name: route_table_data(table, vcn_named=vcn_named) for name, table in topology.route_tables.items()
        },
        "subnets": {name: subnet_data(subnet, vcn_named=vcn_named) for name, subnet in topology.subnets.items()},
        "security_lists": {
            name: security_rules_data(found, vcn_named=vcn_named) for name, found in topology.security_lists.items()
        },
        "nsgs": {name: security_rules_data(found, vcn_named=vcn_named) for name, found in topology.nsgs.items()},
        "nodes": {name: node_data(node) for name, node in topology.nodes.items()},
        "namespaces": namespaces_data(topology),
        "pods": {name: pod_data(pod) for name, pod in topology.pods.items()},
        "service_ranges": texts(topology.service_ranges),
        "services": {name: service_data(service) for name, service in topology.services.items()},
        "network_policies": {name: network_policy_data(policy) for name, policy in topology.network_policies.items()},
        "load_balancers": {name: balancer_data(balancer) for name, balancer in topology.load_balancers.items()},
        "internet": {name: host_data(host) for name, host in topology.internet.items()},
        "links": {name: {} for name in topology.links},
        "devices": {name: device_data(device) for name, device in topology.devices.items()},
        "flows": [_flow(flow) for flow in topology.flows],
        "expect": [_expectation(expectation) for expectation in topology.expect],
    }
    return said(data)


def _flow(flow: Flow) -> dict[str, Any]:
    return said(
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
