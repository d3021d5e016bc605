"""Links and generic devices as scenario data; what Linux or the reader fills in itself is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsflow.model.devices import (
    DeviceInterface,
    DeviceRoute,
    FilterRule,
    GenericDevice,
    NatRule,
    PacketMatch,
    RouteType,
    RpFilter,
)
from dsflow.net.address import Family
from dsflow.net.ranges import PortRange
from dsflow.scenario.builder_devices import default_mtu_bytes

__all__ = ["device_data"]


def device_data(device: GenericDevice) -> dict[str, Any]:
    """A device as its text has it."""
    return _said(
        {
            "forwarding": _forwarding(device.forwarding),
            "interfaces": {name: _interface(interface) for name, interface in device.interfaces.items()} or None,
            "routes": [_route(route) for route in device.routes],
            "filters": [_filter(rule) for rule in device.filters],
            "nat": [_nat(rule) for rule in device.nat],
            "rp_filter": None if device.rp_filter is RpFilter.OFF else str(device.rp_filter),
            "listen": [str(listener) for listener in device.listen],
            "icmp_rate_limit": device.icmp_rate_limit or None,
        }
    )


def _said(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that say something: neither None nor an empty list."""
    return {key: value for key, value in entries.items() if value is not None and value != []}


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _forwarding(families: frozenset[Family]) -> bool | dict[str, bool] | None:
    if not families:
        return None
    return True if len(families) == len(Family) else {str(family): family in families for family in Family}


def _interface(interface: DeviceInterface) -> dict[str, Any]:
    usual = interface.mtu_bytes == default_mtu_bytes(interface.name, interface.link)
    return _said(
        {
            "link": interface.link,
            "mtu": None if usual else interface.mtu_bytes,
            "addresses": [str(entry) for entry in interface.addresses],
            "source_destination_check": None if interface.source_destination_check else False,
            "route_table": interface.route_table,
        }
    )


def _route(route: DeviceRoute) -> dict[str, Any]:
    return _said(
        {
            "to": str(route.to),
            "type": None if route.type is RouteType.UNICAST else str(route.type),
            "via": _text(route.via),
            "interface": route.interface,
            "metric": route.metric,
            "mtu": route.mtu_bytes,
            "source": _text(route.source_address),
        }
    )


def _match(match: PacketMatch) -> dict[str, Any]:
    return {
        "family": _text(match.family),
        "protocol": match.protocol,
        "from": _text(match.src),
        "to": _text(match.dst),
        "sport": _ports(match.sport),
        "dport": _ports(match.dport),
        "in_interface": match.in_interface,
        "out_interface": match.out_interface,
    }


def _ports(ports: PortRange | None) -> int | str | None:
    if ports is None:
        return None
    return ports.first if ports.first == ports.last else str(ports)


def _filter(rule: FilterRule) -> dict[str, Any]:
    return _said({"hook": rule.hook, **_match(rule.match), "state": list(rule.match.states), "action": rule.action})


def _nat(rule: NatRule) -> dict[str, Any]:
    new = {"action": rule.action, "to_address": _text(rule.to_address), "to_port": rule.to_port}
    return _said({"hook": rule.hook, **_match(rule.match), **new})
