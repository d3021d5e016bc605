"""The driver: it runs the stages, follows the links, keeps what is needed to tell the story, stores sessions.

It is the only place that writes state, and it records a step as a handful of references: words, header
differences and steps are made when somebody looks.
"""

from __future__ import annotations

from typing import NamedTuple

from dsflow.dataplane.action import Continue, Deliver, Drop, Forward, Neighbor, Reoriginate, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.engine.conntrack import State
from dsflow.engine.outcome import At, Rewrite, Track
from dsflow.engine.program import Network, Program
from dsflow.net.fragment import fragment, reassemble
from dsflow.net.packet import Packet, decremented
from dsflow.net.wire import is_fragment
from dsflow.trace.hop import Hop
from dsflow.trace.step import Effect, Pattern, Record
from dsflow.trace.timing import Leg

__all__ = ["End", "Walk", "walk"]

End = Forward | Deliver | Drop | Reoriginate
"""How a visit ends: onwards, here, nowhere, or in a new connection."""

MANY_HOPS = 64  # from here on a walk asks whether it goes in a circle
_LOOP = Drop(
    Rule(reason="the same packet came to the same interface twice and no hop limit ends it"),
    Disposition.LOOP,
)
_INCOMPLETE = Drop(
    Rule(reason="not all fragments are here, so there is no packet to deliver (RFC 791 section 3.2)"),
    Disposition.MALFORMED,
)
_DIVIDED = Rule(
    reason="larger than the {mtu} bytes of the link: divided (RFC 791 section 3.2, RFC 8200 section 4.5)",
)


class Walk(NamedTuple):
    """The hops of one packet and how it ended; ``packet`` is the last one as it was decided on."""

    hops: list[Hop]
    end: End
    packet: Packet


def walk(network: Network, state: State, origin: str, packet: Packet) -> Walk:
    """Send ``packet`` from the device ``origin`` and follow it to its end."""
    hops: list[Hop] = []
    leg = Leg()
    at = At()
    at.path_mtu = known = state.of(origin).path_mtu.get((packet.family, packet.dst))
    program = network.program(origin)
    in_interface: str | None = None
    packets: tuple[Packet, ...] = (packet,)
    seen: set[tuple[str, str | None, bytes]] = set()
    end: End
    while True:
        pattern = program.patterns.get((in_interface, packet.family, packet.src, packet.dst))
        if pattern is None or packet.ttl <= 1 or len(packet.raw) > pattern.mtu_bytes or len(packets) > 1 or known:
            hop, end = _visit(program, state, at, in_interface, packets, leg)
            at.path_mtu = known = None  # knowledge of the sender's, of no use on the way
        else:  # the decisions are known, only the packet is new
            end = pattern.forward
            if in_interface is None:
                hop = Hop(leg, program.device, None, pattern.neighbor, (), packets, pattern)
            else:
                left = (decremented(packet),) if pattern.lowers else packets
                hop = Hop(leg, program.device, in_interface, pattern.neighbor, packets, left, pattern)
        hops.append(hop)
        neighbor = hop.neighbor
        if neighbor is None or neighbor.device is None:
            return Walk(hops, end, at.packet if neighbor is None else hop.left[0])
        program = network.programs.get(neighbor.device) or network.program(neighbor.device)
        in_interface = neighbor.in_interface
        packets = hop.left
        packet = packets[0]
        if len(hops) > MANY_HOPS:
            place = neighbor.device, in_interface, packet.raw
            if place in seen:
                record = "loop", Effect.DROP, _LOOP.rule, packet, None, None, 0
                hops.append(Hop(leg, program.device, in_interface, None, packets, (), (record,)))
                return Walk(hops, _LOOP, packet)
            seen.add(place)


def _visit(
    program: Program, state: State, at: At, in_interface: str | None, packets: tuple[Packet, ...], leg: Leg
) -> tuple[Hop, End]:
    """One device: what arrived, what was decided, what left; ``at.packet`` is what the decision was about."""
    records: list[Record] = []
    if len(packets) == 1 and not is_fragment(packets[0].raw):
        end = _run(program, state, at, in_interface, packets[0], records)
        left: tuple[Packet, ...] = (at.packet,)
        largest = 0
    else:
        end, left, largest = _run_fragments(program, state, at, in_interface, packets, records)
    arrived = () if in_interface is None else packets
    if not isinstance(end, Forward):
        return Hop(leg, program.device, in_interface, None, arrived, (), records, at.translated), end
    neighbor = end.neighbor
    mtu_bytes = _limit(neighbor, at)
    if largest or len(left[0].raw) > mtu_bytes:
        left = _divided(left, min(mtu_bytes, largest or mtu_bytes), records)
    elif packets[0].family in program.plain and at.path_mtu is None:
        first = packets[0]
        program.remember((in_interface, first.family, first.src, first.dst), Pattern(end, records))
    return Hop(leg, program.device, in_interface, neighbor, arrived, left, records, at.translated), end


def _limit(neighbor: Neighbor, at: At) -> int:
    """The largest packet that may leave: what the link takes, or less where the sender knows of a narrower way."""
    mtu_bytes = neighbor.link.mtu_bytes
    return mtu_bytes if at.path_mtu is None else min(mtu_bytes, at.path_mtu)


def _divided(packets: tuple[Packet, ...], mtu_bytes: int, records: list[Record]) -> tuple[Packet, ...]:
    """The packets in pieces that fit; each router divides what it gets, fragments too."""
    if all(packet.length <= mtu_bytes for packet in packets):
        return packets
    records.append(("fragment", Effect.REWRITE, _DIVIDED, packets[0], None, None, mtu_bytes))
    return tuple(piece for packet in packets for piece in fragment(packet, mtu_bytes))


def _run_fragments(
    program: Program, state: State, at: At, in_interface: str | None, packets: tuple[Packet, ...], records: list[Record]
) -> tuple[End, tuple[Packet, ...], int]:
    """Fragments of one datagram: put together where sessions or the destination are, else each by itself.

    What a session box puts together leaves in pieces no larger than the largest that came
    (nf_conntrack_reasm, ip_do_fragment); that size is the last thing returned.
    """
    largest = max(packet.length for packet in packets)
    if program.tracks or (packets[0].family, packets[0].dst) in program.addresses:
        whole = reassemble(packets)
        if whole is None:
            at.enter(state.of(program.device.id), in_interface, packets[0])
            records.append(("reassemble", Effect.DROP, _INCOMPLETE.rule, packets[0], None, None, 0))
            return _INCOMPLETE, packets, largest
        end = _run(program, state, at, in_interface, whole, records)
        return end, (at.packet,), largest
    end = _run(program, state, at, in_interface, packets[0], records)
    left = [at.packet]
    for packet in packets[1:]:
        if not isinstance(end, Forward):  # the datagram is lost with the first piece that is dropped
            break
        told: list[Record] = []
        end = _run(program, state, at, in_interface, packet, told)
        left.append(at.packet)
        if not isinstance(end, Forward):
            records += told
    return end, tuple(left), largest


def _run(
    program: Program, state: State, at: At, in_interface: str | None, packet: Packet, records: list[Record]
) -> End:
    """Run the stages until one of them ends the visit or the packet is out; ``at.packet`` is how it then is."""
    at.enter(state.of(program.device.id), in_interface, packet)
    if in_interface is None:
        stages, onwards = program.send, program.leave
    else:
        stages, onwards = program.receive, program.through
    mtu_bytes = 0
    while True:
        for name, usual, stage in stages:
            outcome = stage(packet, at)
            if outcome is None:
                continue
            if isinstance(outcome, Forward):
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
                at.route = outcome
                mtu_bytes = _limit(outcome.neighbor, at)
                stages = onwards
                break
            if isinstance(outcome, Packet):
                records.append((name, REWRITE, usual, packet, outcome, None, 0))
                packet = at.packet = outcome
            elif isinstance(outcome, Rewrite):
                records.append((outcome.kind, REWRITE, outcome.rule, packet, outcome.packet, outcome.kind, 0))
                packet = at.packet = outcome.packet
                at.dnat = outcome.row or at.dnat
                at.translated = True
                if outcome.session is not None:
                    state.own(program.device.id).store(outcome.session)
            elif isinstance(outcome, Deliver) and stages is not program.deliver:
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
                stages = program.deliver
                break
            elif isinstance(outcome, Continue):
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
            elif isinstance(outcome, Track):
                state.own(program.device.id).store(outcome.session)
            else:
                records.append((name, _effect(outcome), outcome.rule, packet, None, None, mtu_bytes))
                return outcome
        else:
            assert at.route is not None, "a pipeline ends in a decision"
            return at.route


PASS, REWRITE = Effect.PASS, Effect.REWRITE  # looked up once, not per packet


def _effect(end: Deliver | Drop | Reoriginate) -> Effect:
    match end:
        case Deliver():
            return Effect.DELIVER
        case Reoriginate():
            return Effect.RE_ORIGINATE
        case Drop(disposition=Disposition.UNDETERMINED):
            return Effect.UNKNOWN
        case Drop():
            return Effect.REJECT if end.error is not None or end.resets else Effect.DROP
