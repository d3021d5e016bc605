"""The driver: it runs the stages, follows the links, keeps what is needed to tell the story, stores sessions.

It is the only place that writes state, and it records a step as a handful of references: words, header
differences and steps are made when somebody looks.
"""

from __future__ import annotations

from typing import NamedTuple

from dsflow.dataplane.action import Continue, Deliver, Drop, Evidence, Forward, Reoriginate, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.engine.conntrack import State
from dsflow.engine.outcome import At, Rewrite, Track
from dsflow.engine.program import Network, Program
from dsflow.net.fragment import fragment, reassemble
from dsflow.net.packet import Packet
from dsflow.trace.hop import Hop
from dsflow.trace.step import Decision, Effect

__all__ = ["End", "Walk", "walk"]

End = Forward | Deliver | Drop | Reoriginate
"""How a visit ends: onwards, here, nowhere, or in a new connection."""

MANY_HOPS = 64  # from here on a walk asks whether it goes in a circle
_LOOP = Drop(
    Rule(reason="the same packet came to the same interface twice and no hop limit ends it", explicit=False),
    Disposition.LOOP,
)
_INCOMPLETE = Drop(
    Rule(reason="not all fragments are here, so there is no packet to deliver (RFC 791 section 3.2)", explicit=False),
    Disposition.TOO_BIG,
)
_DIVIDED = Rule(
    reason="larger than the {mtu} bytes of the link: divided (RFC 791 section 3.2, RFC 8200 section 4.5)",
    explicit=False,
    evidence=Evidence.DOCUMENTED,
)


class Walk(NamedTuple):
    """The hops of one packet and how it ended; ``packet`` is the last one as it was decided on."""

    hops: list[Hop]
    end: End
    packet: Packet

    @property
    def disposition(self) -> Disposition:
        """The end in the word of the trace."""
        match self.end:
            case Drop():
                return self.end.disposition
            case Deliver():
                return Disposition.DELIVERED
            case Reoriginate():
                return Disposition.RE_ORIGINATED
            case Forward():
                return Disposition.LEFT_MODEL


def walk(network: Network, state: State, origin: str, packet: Packet) -> Walk:
    """Send ``packet`` from the device ``origin`` and follow it to its end."""
    hops: list[Hop] = []
    program = network.program(origin)
    in_interface: str | None = None
    packets: tuple[Packet, ...] = (packet,)
    seen: set[tuple[str, str | None, bytes]] = set()
    while True:
        hop, end, packet = _visit(program, state, in_interface, packets, len(hops))
        hops.append(hop)
        if end.__class__ is not Forward:
            return Walk(hops, end, packet)
        neighbor = end.neighbor  # type: ignore[union-attr]  # the class was asked for, cheaper than isinstance
        if neighbor.device is None:
            return Walk(hops, end, packet)
        program = network.program(neighbor.device)
        in_interface = neighbor.in_interface
        packets = hop.left
        if len(hops) > MANY_HOPS:
            place = neighbor.device, in_interface, packets[0].raw
            if place in seen:
                hops.append(_looped(program, in_interface, packets, len(hops)))
                return Walk(hops, _LOOP, packets[0])
            seen.add(place)


def _looped(program: Program, in_interface: str | None, packets: tuple[Packet, ...], index: int) -> Hop:
    decision = Decision("loop", Effect.DROP, _LOOP.rule, packets[0])
    return Hop(index, program.device, in_interface, None, packets, (), [decision])


def _visit(
    program: Program, state: State, in_interface: str | None, packets: tuple[Packet, ...], index: int
) -> tuple[Hop, End, Packet]:
    """One device: what arrived, what was decided, what left."""
    arrived = packets if in_interface is not None else ()
    decisions: list[Decision] = []
    largest = 0
    if len(packets) > 1 and (program.tracks or (packets[0].family, packets[0].dst) in program.addresses):
        largest = max(packet.length for packet in packets)
        whole = reassemble(packets)
        if whole is None:
            decisions.append(Decision("reassemble", Effect.DROP, _INCOMPLETE.rule, packets[0]))
            return Hop(index, program.device, in_interface, None, arrived, (), decisions), _INCOMPLETE, packets[0]
        packets = (whole,)
    end, packet = _run(program, state, in_interface, packets[0], decisions)
    if end.__class__ is not Forward:
        return Hop(index, program.device, in_interface, None, arrived, (), decisions), end, packet
    left: tuple[Packet, ...] = (packet,)
    if len(packets) > 1:
        end, left = _run_rest(program, state, in_interface, packets[1:], end, left, decisions)
        if end.__class__ is not Forward:
            return Hop(index, program.device, in_interface, None, arrived, (), decisions), end, packet
    neighbor = end.neighbor  # type: ignore[union-attr]  # the class was asked for, cheaper than isinstance
    mtu_bytes = min(neighbor.link.mtu_bytes, largest) if largest else neighbor.link.mtu_bytes
    if any([len(piece.raw) > mtu_bytes for piece in left]):
        decisions.append(Decision("fragment", Effect.REWRITE, _DIVIDED, packet, None, None, mtu_bytes))
        left = tuple(piece for whole in left for piece in fragment(whole, mtu_bytes))
    return Hop(index, program.device, in_interface, neighbor, arrived, left, decisions), end, packet


def _run_rest(
    program: Program,
    state: State,
    in_interface: str | None,
    packets: tuple[Packet, ...],
    end: End,
    left: tuple[Packet, ...],
    decisions: list[Decision],
) -> tuple[End, tuple[Packet, ...]]:
    """The later fragments take the same way by themselves; the datagram is lost with the first one dropped."""
    for packet in packets:
        told: list[Decision] = []
        own_end, out = _run(program, state, in_interface, packet, told)
        if own_end.__class__ is not Forward:
            decisions += told
            return own_end, ()
        left += (out,)
    return end, left


def _run(
    program: Program, state: State, in_interface: str | None, packet: Packet, decisions: list[Decision]
) -> tuple[End, Packet]:
    """Run the stages until one of them ends the visit or the packet is out."""
    at = At(packet, in_interface, state.of(program.device.id))
    stages = program.send if in_interface is None else program.receive
    onwards = program.leave if in_interface is None else program.through
    mtu_bytes = 0
    record = decisions.append
    while True:
        for name, stage in stages:
            outcome = stage(packet, at)
            if outcome is None:
                continue
            kind = outcome.__class__
            if kind is Rewrite:
                new, rule, nat, row, session = outcome  # type: ignore[misc]  # a Rewrite is a tuple
                record(Decision(nat or name, Effect.REWRITE, rule, packet, new, nat))
                packet = new
                if row is not None:
                    at.dnat = row
                if session is not None:
                    at.memory.store(session)
            elif kind is Forward:
                record(Decision(name, Effect.PASS, outcome.rule, packet))
                at.route = outcome
                mtu_bytes = outcome.neighbor.link.mtu_bytes
                stages = onwards
                break
            elif kind is Continue:
                record(Decision(name, Effect.PASS, outcome.rule, packet))
            elif kind is Track:
                at.memory.store(outcome.session)
            elif kind is Deliver and stages is not program.deliver:
                record(Decision(name, Effect.PASS, outcome.rule, packet))
                stages = program.deliver
                break
            else:
                record(Decision(name, _effect(outcome), outcome.rule, packet, None, None, mtu_bytes))
                return outcome, packet
        else:
            assert at.route is not None, "a pipeline ends in a decision"
            return at.route, packet


def _effect(end: End) -> Effect:
    match end:
        case Deliver():
            return Effect.DELIVER
        case Reoriginate():
            return Effect.RE_ORIGINATE
        case Drop(disposition=Disposition.UNDETERMINED):
            return Effect.UNKNOWN
        case Drop():
            return Effect.REJECT if end.error is not None or end.resets else Effect.DROP
        case Forward():
            return Effect.PASS
