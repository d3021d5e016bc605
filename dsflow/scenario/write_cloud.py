"""VCNs, gateways, route tables, subnets and hosts on the Internet as plain data."""

from __future__ import annotations

from typing import Any, assert_never

from dsflow.model.internet import InternetHost
from dsflow.model.vcn import (
    DynamicRoutingGateway,
    Gateway,
    InternetGateway,
    LocalPeeringGateway,
    NatGateway,
    RouteTable,
    ServiceGateway,
    Subnet,
    Vcn,
)
from dsflow.scenario.write_common import said, text, texts

__all__ = ["gateway_data", "host_data", "route_table_data", "subnet_data", "vcn_data"]


def vcn_data(vcn: Vcn) -> dict[str, Any]:
    """A VCN."""
    ipv6 = [{"prefix": str(entry.prefix), "origin": str(entry.origin)} for entry in vcn.ipv6]
    return said({"ipv4": texts(vcn.ipv4), "ipv6": ipv6})


def gateway_data(gateway: Gateway, *, vcn_named: bool) -> dict[str, Any]:
    """A gateway of any kind."""
    data: dict[str, Any]
    match gateway:
        case InternetGateway():
            data = {"kind": "internet"}
        case NatGateway():
            data = {"kind": "nat", "public_ipv4": str(gateway.public_ipv4)}
        case ServiceGateway():
            data = {"kind": "service", "services": {k: texts(v) for k, v in gateway.services}}
        case DynamicRoutingGateway():
            routes = {str(route.to): str(route.via) for route in gateway.routes}
            data = {"kind": "drg", "link": gateway.link, "addresses": texts(gateway.addresses), "routes": routes}
        case LocalPeeringGateway():
            data = {"kind": "lpg", "peer": gateway.peer}
        case _:
            assert_never(gateway)
    enabled, vcn = None if gateway.enabled else False, gateway.vcn if vcn_named else None
    return said({**data, "enabled": enabled, "route_table": gateway.route_table, "vcn": vcn})


def route_table_data(table: RouteTable, *, vcn_named: bool) -> dict[str, Any]:
    """A route table."""
    rules = {str(rule.destination): rule.target for rule in table.rules}
    return said({"vcn": table.vcn if vcn_named else None, "rules": rules})


def subnet_data(subnet: Subnet, *, vcn_named: bool) -> dict[str, Any]:
    """A subnet; no lists at all is another thing than lists that nobody described."""
    data = said(
        {
            "vcn": subnet.vcn if vcn_named else None,
            "ipv4": text(subnet.ipv4),
            "ipv6": texts(subnet.ipv6),
            "access": "public" if subnet.public else "private",
            "route_table": subnet.route_table,
        }
    )
    return data if subnet.security_lists is None else data | {"security_lists": list(subnet.security_lists)}


def host_data(host: InternetHost) -> dict[str, Any]:
    """A host on the Internet."""
    distance = int(host.distance_km) if host.distance_km.is_integer() else host.distance_km
    return said(
        {
            "ipv4": text(host.ipv4),
            "ipv6": text(host.ipv6),
            "listen": texts(host.listen),
            "distance_km": distance,
            "access": str(host.access),
        }
    )
