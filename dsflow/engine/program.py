"""A device ready to run: its tables turned into stages, once, when a packet first comes by."""

from __future__ import annotations

from collections.abc import Iterable

from dsflow.dataplane.action import Rule
from dsflow.dataplane.compile import Dataplane
from dsflow.dataplane.device import Device
from dsflow.dataplane.tables import (
    Confirm,
    Filter,
    Isolation,
    Listeners,
    Nat,
    Proxy,
    Redirect,
    Returns,
    RouteLookup,
    StaticNat,
    Table,
    Track,
)
from dsflow.engine.outcome import Stage
from dsflow.engine.stages import stage_for
from dsflow.net.address import Family
from dsflow.trace.step import Pattern, Record

__all__ = ["Network", "Phase", "Program"]

Ends = tuple[str | None, int, int, int]
"""The interface a packet came in by, its family, source and destination."""

MOST_PATTERNS = 65536  # a bound on memory; a walk does without as well


class Phase:
    """Stages, and where a routing decision among them leads; where none is made, ``then`` follows.

    Without ``delivered`` a delivery ends the visit, and without ``then`` the packet leaves.
    """

    __slots__ = ("delivered", "forwarded", "stages", "then")

    def __init__(
        self,
        stages: Iterable[tuple[str, Rule, Stage]],
        *,
        forwarded: Phase | None = None,
        delivered: Phase | None = None,
        then: Phase | None = None,
    ) -> None:
        self.stages = tuple(stages)
        self.forwarded = forwarded
        self.delivered = delivered
        self.then = then


class Program:
    """The stages of one device, by the way a packet takes through it.

    Where a device is *plain* for a family, it decides by interface and addresses alone, so the first
    packet's decisions hold for the next between the same ends; ``patterns`` keeps them, and ``homeward`` what was
    decided about packets to the device itself before its listeners were asked.  ``addresses`` are the device's own,
    ``home`` those and the ones that it shares with others, by family and number; ``home_phase`` is what a packet to
    them meets.  ``redirects`` says whether the device tells senders of better ways.
    """

    __slots__ = (
        "addresses",
        "arriving",
        "device",
        "home",
        "home_phase",
        "homeward",
        "patterns",
        "plain",
        "redirects",
        "sending",
        "tracks",
        "vnics",
        "wire",
    )

    def __init__(self, device: Device, seed: int) -> None:
        def stages(*tables: Table) -> list[tuple[str, Rule, Stage]]:
            return [stage_for(table, seed) for table in tables]

        home = Phase(stages(*device.deliver))
        through = Phase(stages(*device.forward, *device.leave))
        out = Phase(stages(*device.output, *device.leave))
        loop = Phase(stages(*device.output, *device.loopback), then=home)
        outwards, inwards = out, loop
        if device.translate:
            outwards = Phase(stages(*device.translate), forwarded=out, delivered=loop, then=out)
            inwards = Phase(stages(*device.translate), forwarded=out, delivered=loop, then=loop)
        self.device = device
        self.home_phase = home
        self.wire = device.wire
        self.vnics = device.vnics
        self.arriving = Phase(stages(*device.receive), forwarded=through, delivered=home)
        self.sending = Phase(stages(*device.send), forwarded=outwards, delivered=inwards)
        self.tracks = device.tracks_connections
        passing = device.receive + device.send + device.translate + device.output + device.forward + device.leave
        self.plain = {family for family in Family if all(self._is_plain(table, family) for table in passing)}
        if device.vnics:
            self.plain = set()  # what they let through has ports, and is remembered
        self.redirects = any(isinstance(table, Redirect) for table in device.forward)
        self.patterns: dict[Ends, Pattern] = {}
        self.homeward: dict[Ends, tuple[tuple[str, Rule], ...]] = {}
        self.addresses = {
            (family, value)
            for found in device.interfaces.values()
            for family, values in found.addresses.items()
            for value in values
        }
        shared = {(4, value) for value in device.broadcasts} | {(6, value) for value in device.anycast}
        self.home = self.addresses | shared

    def _is_plain(self, table: Table, family: Family) -> bool:
        """Whether the table looks at nothing but interface and addresses in this family."""
        match table:
            case Filter():
                return all(match.needs_addresses_only for match, _ in table.rows)
            case StaticNat():
                return family is Family.IPV6  # it exchanges IPv4 addresses only
            case Nat() | Track() | Confirm():
                return family not in self.tracks
            case Listeners() | Proxy() | Isolation() | Returns() | RouteLookup(spreads=True):
                return False
        return True

    def remember(self, ends: Ends, pattern: Pattern) -> None:
        """Keep the pattern of a visit."""
        if len(self.patterns) >= MOST_PATTERNS:
            self.patterns.clear()
        self.patterns[ends] = pattern

    def remember_home(self, ends: Ends, told: Iterable[Record]) -> None:
        """Keep what led a packet to the device itself."""
        if len(self.homeward) >= MOST_PATTERNS:
            self.homeward.clear()
        self.homeward[ends] = tuple((record[0], record[2]) for record in told)


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
