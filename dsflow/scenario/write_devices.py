"""Links and generic devices as scenario data; what Linux or the reader fills in itself is left out."""

from __future__ import annotations

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
from dsflow.scenario.builder_devices import default_mtu_bytes
from dsflow.scenario.write_common import ports, said, text

__all__ = ["device_data"]


def device_data(device: GenericDevice) -> dict[str, Any]:
    """A device as its text has it."""
    return said(
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


def _forwarding(families: frozenset[Family]) -> bool | dict[str, bool] | None:
    if not families:
        return None
    return True if len(families) == len(Family) else {str(family): family in families for family in Family}


def _interface(interface: DeviceInterface) -> dict[str, Any]:
    usual = interface.mtu_bytes == default_mtu_bytes(interface.name, interface.link)
    return said(
        {
            "link": interface.link,
            "mtu": None if usual else interface.mtu_bytes,
            "addresses": [str(entry) for entry in interface.addresses],
            "source_destination_check": None if interface.source_destination_check else False,
            "nsgs": list(interface.nsgs),
            "route_table": interface.route_table,
        }
    )


def _route(route: DeviceRoute) -> dict[str, Any]:
    return said(
        {
            "to": str(route.to),
            "type": None if route.type is RouteType.UNICAST else str(route.type),
            "via": text(route.via),
            "interface": route.interface,
            "metric": route.metric,
            "mtu": route.mtu_bytes,
            "source": text(route.source_address),
        }
    )


def _match(match: PacketMatch) -> dict[str, Any]:
    return {
        "family": text(match.family),
        "protocol": match.protocol,
        "from": text(match.src),
        "to": text(match.dst),
        "sport": ports(match.sport),
        "dport": ports(match.dport),
        "in_interface": match.in_interface,
        "out_interface": match.out_interface,
    }


def _filter(rule: FilterRule) -> dict[str, Any]:
    return said({"hook": rule.hook, **_match(rule.match), "state": list(rule.match.states), "action": rule.action})


def _nat(rule: NatRule) -> dict[str, Any]:
    new = {"action": rule.action, "to_address": text(rule.to_address), "to_port": rule.to_port}
    return said({"hook": rule.hook, **_match(rule.match), **new})
