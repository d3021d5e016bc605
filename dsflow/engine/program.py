"""A device ready to run: its tables turned into stages, once, when a packet first comes by."""

from __future__ import annotations

from dsflow.dataplane.action import Rule
from dsflow.dataplane.compile import Dataplane
from dsflow.dataplane.device import Device
from dsflow.dataplane.tables import Table
from dsflow.engine.outcome import Stage
from dsflow.engine.stages import stage_for

__all__ = ["Network", "Program"]

Stages = tuple[tuple[str, Rule | None, Stage], ...]


class Program:
    """The stages of one device, by the way a packet takes through it."""

    __slots__ = ("addresses", "deliver", "device", "leave", "receive", "send", "through", "tracks")

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
        self.addresses = {
            (family, value) for found in device.interfaces.values() for family, value in found.addresses.items()
        }


class Network:
    """A dataplane and its programs; read-only for packets, so that any number of walks may share it."""

    def __init__(self, dataplane: Dataplane, seed: int) -> None:
        self.dataplane = dataplane
        self.seed = seed
        self._programs: dict[str, Program] = {}

    def program(self, device_id: str) -> Program:
        """The program of a device."""
        program = self._programs.get(device_id)
        if program is None:
            program = self._programs[device_id] = Program(self.dataplane[device_id], self.seed)
        return program
