"""Faults to plant in a dataplane: translations that should not be there, or that should and are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from dsflow import Simulation
from dsflow.dataplane.action import Rule
from dsflow.dataplane.device import Device
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatKind, NatRow
from dsflow.dataplane.tables import Confirm, Nat, StaticNat, Table, Track
from dsflow.net.address import Address, Family
from dsflow.net.ranges import PortRange

Plant: TypeAlias = Callable[[Device], Device | None]
"""A device's faulty twin, or None where the fault has no place in it."""

_STRANGER = Address.parse("2001:db8:bad::1").value


def planted(simulation: Simulation, plant: Plant) -> Simulation:
    """The simulation with the fault in every device that has a place for it."""
    dataplane = simulation.dataplane
    for device in list(dataplane.values()):
        twin = plant(device)
        dataplane = dataplane if twin is None else dataplane.replacing(twin)
    return simulation.with_dataplane(dataplane)


def _row(kind: NatKind, match: Match, address: int, port: int | None = None) -> NatRow:
    return NatRow(kind=kind, match=match, rule=Rule(id="planted", reason="planted"), address=address, port=port)


def ipv6_source_translation(device: Device) -> Device | None:
    """An Internet gateway that exchanges IPv6 sources."""
    if device.kind != "igw":
        return None
    row = _row(NatKind.SNAT, Match(family=Family.IPV6, out_interface="internet"), _STRANGER)
    return _with_rows(device, "postrouting", row)


def ipv6_masquerade(device: Device) -> Device | None:
    """A node that masquerades what its pods send in IPv6."""
    own = device.interfaces["eth0"].addresses.get(6) if device.kind == "node" else None
    uplinks = [name for name in device.interfaces if name.startswith("eth")]
    if own is None:
        return None
    rows = (_row(NatKind.MASQUERADE, Match(family=Family.IPV6, out_interface=name), own[0]) for name in uplinks)
    return _with_rows(device, "postrouting", *rows)


def ipv6_destination_translation(device: Device) -> Device | None:
    """A node that leads port 80 of every IPv6 packet to another port."""
    if device.kind != "node":
        return None
    match = Match(family=Family.IPV6, protocol=6, dport=PortRange(80, 80))
    return _with_rows(device, "prerouting", *(_row(NatKind.SERVICE_DNAT, match, owned, 53) for owned in _pods(device)))


def _pods(device: Device) -> list[int]:
    """An address that the node routes to one of its pods, where it has any."""
    lookup = next(table for table in device.receive if hasattr(table, "tables"))
    return [prefix.first for prefix, _ in lookup.tables["eth0"].ipv6.items() if prefix.length == 128][:1]


def _with_rows(device: Device, hook: str, *rows: NatRow) -> Device:
    """Both tables, so that replies are translated back as a real one would."""
    into = Nat(hook="prerouting", rows=rows if hook == "prerouting" else ())
    out = Nat(hook="postrouting", rows=rows if hook == "postrouting" else ())
    return replace(device, receive=(Track(), into, *device.receive), leave=(*device.leave, out, Confirm()))


def without_translation(device: Device) -> Device | None:
    """The device with every translation taken out of its tables."""
    receive, leave = _untranslated(device.receive), _untranslated(device.leave)
    if (receive, leave) == (device.receive, device.leave):
        return None
    return replace(device, receive=receive, leave=leave)


def _untranslated(tables: tuple[Table, ...]) -> tuple[Table, ...]:
    return tuple(table for table in tables if not isinstance(table, Nat | StaticNat))
