"""One device that a packet visited: what came in, what left, and, on request, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dsflow.dataplane.action import Neighbor, Rule
from dsflow.dataplane.device import Device
from dsflow.dataplane.nat import NatCapability
from dsflow.net.packet import Header, Packet, UnreadablePacket, read_header
from dsflow.trace.step import Decision, Effect, Pattern, Record, Step, explain
from dsflow.trace.timing import Leg

__all__ = ["Hop"]


def _header(packets: tuple[Packet, ...]) -> Header | None:
    if not packets or (isinstance(packets[0], UnreadablePacket) and not packets[0].has_header):
        return None
    return read_header(packets[0])


class Hop:
    """A visit to one device.  The walk keeps packets and decisions; everything else is made when asked for.

    Attributes
    ----------
    index : int
        The place in the trace, from 0.
    in_interface : str or None
        None at the origin.
    at : Device
        The device with its tables.
    arrived, left : tuple of Packet
        The packets behind ``packets_in`` and ``packets_out``.
    leg : Leg
        What it shares with the other hops of its trace; a new hop takes its place at the end.
    translated : bool
        Whether any address or port was translated here.
    """

    __slots__ = ("arrived", "at", "in_interface", "index", "left", "leg", "neighbor", "recorded", "translated")

    def __init__(
        self,
        leg: Leg,
        at: Device,
        in_interface: str | None,
        neighbor: Neighbor | None,
        arrived: tuple[Packet, ...],
        left: tuple[Packet, ...],
        recorded: Sequence[Record] | Pattern,
        translated: bool = False,
    ) -> None:
        path = leg.passage.path
        self.index = len(path)
        path.append((at, neighbor))
        self.leg = leg
        self.at = at
        self.in_interface = in_interface
        self.neighbor = neighbor
        self.arrived = arrived
        self.left = left
        self.recorded = recorded
        self.translated = translated

    @property
    def device(self) -> str:
        """The id of the device."""
        return self.at.id

    @property
    def kind(self) -> str:
        """The kind of the device, the first part of its id."""
        return self.at.kind

    @property
    def out_interface(self) -> str | None:
        """The interface by which the packet left; None where the trace ends."""
        return None if self.neighbor is None else self.neighbor.out_interface

    @property
    def packets_in(self) -> tuple[bytes, ...]:
        """The packets that arrived, in wire order, from the IP header on; none at the origin."""
        packets = self.arrived
        return (packets[0].raw,) if len(packets) == 1 else tuple(packet.raw for packet in packets)

    @property
    def packets_out(self) -> tuple[bytes, ...]:
        """The packets that left, in wire order; several where the device divided one."""
        packets = self.left
        return (packets[0].raw,) if len(packets) == 1 else tuple(packet.raw for packet in packets)

    @property
    def header_in(self) -> Header | None:
        """The header of the first packet that arrived; None where the bytes hold none."""
        return _header(self.arrived)

    @property
    def header_out(self) -> Header | None:
        """The header of the first packet that left; None where the bytes hold none."""
        return _header(self.left)

    @property
    def records(self) -> Sequence[Record]:
        """What the walk wrote down, or what the pattern that it followed stands for."""
        if isinstance(self.recorded, Pattern):
            return self.recorded.records((self.arrived or self.left)[0], self.left[0])
        return self.recorded

    def precede(self, rule: Rule) -> None:
        """Tell of what was decided before there was a packet: here, which address a name stands for."""
        records = list(self.records)
        packet = (self.left or self.arrived or (None,))[0] if not records else records[0][3]
        self.recorded = [("dns", Effect.PASS, rule, packet, None, None, 0), *records]

    @property
    def decisions(self) -> list[Decision]:
        """What was decided, in order."""
        return [Decision._make(record) for record in self.records]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every decision of the visit in order, then the translations that the device did not make."""
        made = [explain(decision) for decision in self.decisions]
        return tuple(made + [self._skipped(capability) for capability in self.idle_capabilities()])

    def idle_capabilities(self) -> Iterator[NatCapability]:
        """The kinds of translation that the device is made for and did not do here."""
        applied = {record[5] for record in self.records}
        return (entry for entry in self.at.capabilities if entry.kind.is_nat and entry.kind not in applied)

    def _skipped(self, capability: NatCapability) -> Step:
        rule = capability.rule_for(self._family)
        return Step(
            capability.kind, Effect.SKIP, rule.id, rule.source, False, rule.reason, (), rule.evidence, rule.assumption
        )

    @property
    def _family(self) -> int:
        packets = self.arrived or self.left
        return packets[0].family if packets else 4  # nothing moved: either family's word will do

    @property
    def latency_us(self) -> Any:
        """The estimated time of the visit and of the link behind it: p50, p95 and p99 in microseconds."""
        return self.leg.hop_latency_us(self.index)

    def to_json(self) -> dict[str, Any]:
        """The hop in the trace's JSON."""
        latency = self.latency_us
        return {
            "index": self.index,
            "device": self.device,
            "kind": self.kind,
            "in_interface": self.in_interface,
            "out_interface": self.out_interface,
            "packets_in": [raw.hex() for raw in self.packets_in],
            "packets_out": [raw.hex() for raw in self.packets_out],
            "header_in": self.header_in.to_json() if self.header_in else None,
            "header_out": self.header_out.to_json() if self.header_out else None,
            "steps": [step.to_json() for step in self.steps],
            "latency_us": None if latency is None else latency.to_json(),
        }

    def __repr__(self) -> str:
        return f"<Hop {self.index} {self.device} {self.in_interface} -> {self.out_interface}>"
