"""What must hold of the filters and the address translation of generic devices, as nftables has it."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.devices import FilterRule, GenericDevice, NatRule, PacketMatch
from dsflow.model.topology import Topology
from dsflow.net.address import Family
from dsflow.scenario.checks_devices import unusable
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = ["filters", "translations"]

_WITH_PORTS = ("tcp", "udp")
_INTERFACES = {
    "input": ("in_interface",),
    "forward": ("in_interface", "out_interface"),
    "output": ("out_interface",),
    "prerouting": ("in_interface",),
    "postrouting": ("out_interface",),
}
"""Which interface a packet has at a hook."""

_HOOKS = {"dnat": ("prerouting", "output"), "snat": ("postrouting",), "masquerade": ("postrouting",)}


def filters(topology: Topology, parsed: Parsed) -> None:
    """Every filter rule can match, and its refusal can be sent."""
    for name, device in topology.devices.items():
        for at, rule in enumerate(device.filters):
            path = ("devices", name, "filters", at)
            _check_match(path, rule, device, parsed)
            if rule.action == "reject-tcp-reset" and rule.match.protocol != "tcp":
                parsed.report(path, "action: reject-tcp-reset without protocol: tcp", "protocol: tcp beside it")


def translations(topology: Topology, parsed: Parsed) -> None:
    """Every rule translates to something that there is, at a hook where it can."""
    for name, device in topology.devices.items():
        for at, rule in enumerate(device.nat):
            path = ("devices", name, "nat", at)
            _check_match(path, rule, device, parsed)
            _check_translation(path, rule, parsed)


def _check_match(path: Path, rule: FilterRule | NatRule, device: GenericDevice, parsed: Parsed) -> None:
    match = rule.match
    _check_interfaces(path, rule.hook, match, device, parsed)
    for key, ports in (("sport", match.sport), ("dport", match.dport)):
        if ports is not None and match.protocol not in _WITH_PORTS:
            parsed.report((*path, key), f"a port without protocol: {' or '.join(_WITH_PORTS)}", "one of them beside it")
    told = list(_families(rule))
    for key, family in told[1:]:
        if family is not told[0][1]:
            found = f"{key} of {family.title} beside {told[0][0]} of {told[0][1].title}"
            parsed.report((*path, key), found, "one family in a rule")


def _families(rule: FilterRule | NatRule) -> Iterator[tuple[str, Family]]:
    """What in a rule is of one family, with its key."""
    match = rule.match
    new = rule.to_address if isinstance(rule, NatRule) else None
    if match.family is not None and (new is None or match.family is not new.family):
        yield "family", match.family  # where it is filled in from the new address, that is told itself
    for key, prefix in (("from", match.src), ("to", match.dst)):
        if prefix is not None:
            yield key, prefix.family
    if match.protocol == "icmpv6":
        yield "protocol", Family.IPV6
    if new is not None:
        yield "to_address", new.family


def _check_interfaces(path: Path, hook: str, match: PacketMatch, device: GenericDevice, parsed: Parsed) -> None:
    for key, name in (("in_interface", match.in_interface), ("out_interface", match.out_interface)):
        if name is None:
            continue
        if key not in _INTERFACES[hook]:
            parsed.report((*path, key), f"{key} at the hook {hook}", f"{' or '.join(_INTERFACES[hook])}, or neither")
        elif name != "lo" and name not in device.interfaces:
            parsed.report_unknown((*path, key), name, "interface", device.interfaces)


def _check_translation(path: Path, rule: NatRule, parsed: Parsed) -> None:
    if rule.hook not in _HOOKS[rule.action]:
        parsed.report(path, f"action: {rule.action} at the hook {rule.hook}", " or ".join(_HOOKS[rule.action]))
    if rule.action == "masquerade":
        for key, value in (("to_address", rule.to_address), ("to_port", rule.to_port)):
            if value is not None:
                parsed.report((*path, key), f"{key} with action: masquerade", "none")
        return
    if rule.to_address is None:
        parsed.report(path, f"no to_address with action: {rule.action}", "the new address")
    elif why := unusable(rule.to_address):
        parsed.report((*path, "to_address"), f'"{rule.to_address}", which is {why}', "an address that a host can have")
    if rule.to_port is not None and rule.match.protocol not in _WITH_PORTS:
        found = f"to_port without protocol: {' or '.join(_WITH_PORTS)}"
        parsed.report((*path, "to_port"), found, "one of them beside it")
