"""A device ready to run: its tables turned into stages, once, when a packet first comes by."""

from __future__ import annotations

from dsflow.dataplane.action import Rule
from dsflow.dataplane.compile import Dataplane
from dsflow.dataplane.device import Device
from dsflow.dataplane.tables import Filter, HopLimit, Mtu, RouteLookup, SourceCheck, StaticNat, Table
from dsflow.engine.outcome import Stage
from dsflow.engine.stages import stage_for
from dsflow.net.address import Family
from dsflow.trace.step import Pattern

__all__ = ["Network", "Program"]

Stages = tuple[tuple[str, Rule, Stage], ...]

Ends = tuple[str | None, int, int, int]
"""The interface a packet came in by, its family, source and destination."""

MOST_PATTERNS = 65536  # a bound on memory; a walk does without as well


class Program:
    """The stages of one device, by the way a packet takes through it.

    Where a device is *plain* for a family, it decides by interface and addresses alone, so the first
    packet's decisions hold for the next between the same ends; ``patterns`` keeps them.
    """

    __slots__ = ("addresses", "deliver", "device", "leave", "patterns", "plain", "receive", "send", "through", "tracks")

    def __init__(self, device: Device, seed: int) -> None:
        def stages(tables: tuple[Table, ...]) -> Stages:
            return tuple(stage_for(table, seed) for table in tables)

        self.device = device
        self.receive = stages(device.receive)
        self.deliver = stages(device.deliver)
        self.through = stages(device.forward + device.leave)
        self.send = stages(device.send)
        self.leave = stages(device.leave)
        self.tracks = device.tracks_connections
        passing = device.receive + device.send + device.forward + device.leave
        self.plain = {family for family in Family if all(_is_plain(table, family) for table in passing)}
        self.patterns: dict[Ends, Pattern] = {}
        self.addresses = {
            (family, value) for found in device.interfaces.values() for family, value in found.addresses.items()
        }

    def remember(self, ends: Ends, pattern: Pattern) -> None:
        """Keep the pattern of a visit."""
        if len(self.patterns) >= MOST_PATTERNS:
            self.patterns.clear()
        self.patterns[ends] = pattern


def _is_plain(table: Table, family: Family) -> bool:
    """Whether the table looks at nothing but interface and addresses in this family."""
    match table:
        case RouteLookup() | HopLimit() | Mtu() | SourceCheck():
            return True
        case Filter():
            return all(match.needs_addresses_only for match, _ in table.rows)
        case StaticNat():
            return family is Family.IPV6  # it exchanges IPv4 addresses only
    return False


class Network:
    """A dataplane and its programs; read-only for packets, so that any number of walks may share it."""

    def __init__(self, dataplane: Dataplane, seed: int) -> None:
        self.dataplane = dataplane
        self.seed = seed
        self.programs: dict[str, Program] = {}

    def program(self, device_id: str) -> Program:
        """The program of a device."""
        program = self.programs.get(device_id)
        if program is None:
            program = self.programs[device_id] = Program(self.dataplane[device_id], self.seed)
        return program
