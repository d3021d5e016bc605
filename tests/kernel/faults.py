"""How to plant a fault in the engine: rules of the tables switched off, or one of its functions gone wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from importlib import import_module
from typing import Any, TypeVar

import pytest

from dsflow import Simulation
from dsflow.dataplane.action import Rule
from dsflow.dataplane.device import Device
from dsflow.dataplane.tables import Table
from dsflow.engine.outcome import At, Outcome, Stage
from dsflow.engine.stages import stage_for
from dsflow.lab import Probe
from dsflow.net.icmp import icmp_error
from dsflow.net.packet import Packet

__all__ = [
    "Mutation",
    "Plant",
    "always",
    "before",
    "changed",
    "deciding",
    "device",
    "error_from",
    "error_with",
    "instead",
    "patched",
    "used",
    "without",
    "wrong_code",
]

Plant = Callable[[pytest.MonkeyPatch, Simulation], Simulation]
"""What makes a faulty simulation of a true one."""

_PHASES = ("receive", "deliver", "forward", "send", "translate", "output", "leave")

Kind = TypeVar("Kind")


def device(change: Callable[[Device], Device]) -> Plant:
    """Every device changed."""

    def plant(_: pytest.MonkeyPatch, simulation: Simulation) -> Simulation:
        own = simulation.dataplane
        return simulation.with_dataplane(reduce(lambda plane, one: plane.replacing(change(one)), own.values(), own))

    return plant


def _in_phases(change: Callable[[tuple[Table, ...]], tuple[Table, ...]], *phases: str) -> Plant:
    def made(one: Device) -> Device:
        phase: dict[str, Any] = {name: change(getattr(one, name)) for name in phases or _PHASES}
        return replace(one, **phase)

    return device(made)


def without(kind: type, *phases: str, stage: str | None = None) -> Plant:
    """No table of a kind, in some phases or in all; of a kind with stage names, those of one stage."""

    def is_meant(table: Table) -> bool:
        return isinstance(table, kind) and stage in (None, getattr(table, "stage", None))

    return _in_phases(lambda tables: tuple(table for table in tables if not is_meant(table)), *phases)


def changed(kind: type[Kind], change: Callable[[Kind], Kind], *phases: str) -> Plant:
    """Every table of a kind changed."""

    def all_changed(tables: tuple[Table, ...]) -> tuple[Any, ...]:
        return tuple(change(table) if isinstance(table, kind) else table for table in tables)

    return _in_phases(all_changed, *phases)


def before(early: type, late: type, *, stage: str | None = None) -> Plant:
    """The forwarding tables of one kind (and stage) moved in front of those of another."""

    def moved(tables: tuple[Table, ...]) -> tuple[Table, ...]:
        first = [one for one in tables if isinstance(one, early) and stage in (None, getattr(one, "stage", None))]
        rest = [one for one in tables if one not in first]
        place = next((at for at, one in enumerate(rest) if isinstance(one, late)), len(rest))
        return (*rest[:place], *first, *rest[place:])

    return _in_phases(moved, "forward")


def patched(name: str, make: Callable[[Any], Any]) -> Plant:
    """An attribute of a module or class replaced by what ``make`` makes of it; tables and programs are made anew."""

    def plant(monkeypatch: pytest.MonkeyPatch, simulation: Simulation) -> Simulation:
        path, _, attribute = name.rpartition(".")
        target = _found(path)
        monkeypatch.setattr(target, attribute, make(getattr(target, attribute)))
        return Simulation(simulation.document, seed=simulation.seed)

    return plant


def always(value: Any) -> Callable[[Any], Any]:
    """For :func:`patched` and :func:`used`: a function that gives ``value`` whatever it is given."""
    return lambda _true: lambda *_, **__: value


def instead(value: Any) -> Callable[[Any], Any]:
    """For :func:`patched` and :func:`used`: ``value`` in the place of what was there."""
    return lambda _true: value


def used(name: str, make: Callable[[Any], Any]) -> Plant:
    """A function replaced in every module of the engine that uses it, by what ``make`` makes of it."""
    path, _, attribute = name.rpartition(".")

    def plant(monkeypatch: pytest.MonkeyPatch, simulation: Simulation) -> Simulation:
        true = getattr(_found(path), attribute)
        wrong = make(true)
        for module in [one for title, one in sys.modules.items() if title.startswith("dsflow.engine.")]:
            if vars(module).get(attribute) is true:
                monkeypatch.setattr(module, attribute, wrong)
        return Simulation(simulation.document, seed=simulation.seed)

    return plant


def _found(path: str) -> Any:
    """The module, or the class in a module, of this name."""
    try:
        return import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(import_module(module), name)


def deciding(kind: type, decide: Callable[[Outcome, Packet, At], Outcome]) -> Plant:
    """What tables of a kind decide, decided once more."""

    def wrapped(table: Table, seed: int) -> tuple[str, Rule, Stage]:
        name, rule, usual = stage_for(table, seed)
        if not isinstance(table, kind):
            return name, rule, usual
        return name, rule, lambda packet, at: decide(usual(packet, at), packet, at)

    return patched("dsflow.engine.program.stage_for", lambda _: wrapped)


def error_with(change: Callable[[Packet, dict[str, Any]], dict[str, Any]]) -> Plant:
    """ICMP errors made with other parameters: of the packet and what is said of it."""

    def wrong(packet: Packet, **said: Any) -> Packet | None:
        return icmp_error(packet, **change(packet, said))

    return used("dsflow.net.icmp.icmp_error", lambda _: wrong)


def wrong_code(family: int, kind: tuple[int, int], instead: tuple[int, int]) -> Plant:
    """One type and code of ICMP errors taken for another."""

    def change(packet: Packet, said: dict[str, Any]) -> dict[str, Any]:
        if (packet.family, said["icmp_type"], said["icmp_code"]) != (family, *kind):
            return said
        return {**said, "icmp_type": instead[0], "icmp_code": instead[1], "word": 0}

    return error_with(change)


def error_from(source: Callable[[Device, str | None, Packet], int | None]) -> Plant:
    """ICMP errors from another address: by the device, the interface that the packet came in by, and the packet."""

    def make(_: Any) -> Any:
        return lambda _, refusal: source(refusal.hop.at, refusal.hop.in_interface, refusal.packet)

    return patched("dsflow.engine.conversation._icmp_source", make)


@dataclass(frozen=True)
class Mutation:
    """One rule of the kernel switched off in the engine, and the packets by which that is seen.

    Attributes
    ----------
    name : str
        The rule.
    network : str
        Where it is seen, of :data:`tests.kernel.mutation_networks.NETWORKS`.
    plant : Plant
        What switches it off.
    sends : tuple
        Who sends what in one session: device, packet and, to go past its own routing, interface.
    """

    name: str
    network: str
    plant: Plant
    sends: tuple[tuple[str, bytes] | tuple[str, bytes, str], ...]

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The packets as the lab sends them."""
        return tuple(
            Probe(
                device=f"device/{sent[0]}",
                packet=sent[1],
                interface=sent[2] if len(sent) == 3 else None,
                session=self.name,
            )
            for sent in self.sends
        )
