"""The driver: it runs the stages, follows the links, keeps what is needed to tell the story, stores sessions.

It is the only place that writes state, and it records a step as a handful of references: words, header
differences and steps are made when somebody looks.
"""

from __future__ import annotations

from typing import NamedTuple

from dsflow.dataplane.action import Continue, Deliver, Drop, Forward, Neighbor, Reoriginate, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import State
from dsflow.engine.conntrack import Attached, Memories, Session, key_of, reversed_key
from dsflow.engine.outcome import At, Remember, Rewrite, Tracked
from dsflow.engine.program import Network, Phase, Program
from dsflow.engine.wire import limit, most_bytes, off_the_wire, pieces
from dsflow.net.address import Family
from dsflow.net.fragment import reassemble
from dsflow.net.packet import Packet, decremented
from dsflow.net.wire import MalformedPacket, is_fragment
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
_TOO_LONG = Drop(Rule(reason="{length} bytes are more than the {mtu} of the link (packet(7))"), Disposition.TOO_BIG)
_ONTO_THE_WIRE = Rule(reason="put straight onto the wire, past the device's own routing and filters")


class Walk(NamedTuple):
    """The hops of one packet and how it ended; ``packet`` is the last one as it was decided on.

    ``attached`` is the session of a refused packet and the direction of what its sender is told; ``refused`` are
    the fragments that were refused, each by itself.
    """

    hops: list[Hop]
    end: End
    packet: Packet
    attached: Attached | None
    refused: tuple[Packet, ...] = ()


def walk(
    network: Network,
    state: Memories,
    origin: str,
    packet: Packet,
    *,
    flaw: MalformedPacket | None = None,
    attached: Attached | None = None,
    wire: Neighbor | None = None,
    raw: bool = False,
) -> Walk:
    """Send ``packet`` from the device ``origin`` and follow it to its end.

    ``flaw`` is what is wrong with it behind its IP header, ``attached`` the session that it tells of, and
    ``wire`` the link that it is put onto instead of being routed; ``raw`` says that it comes from a raw socket.
    """
    hops: list[Hop] = []
    leg = Leg()
    known = None if wire else state.of(origin).path_mtu.get((packet.family, packet.dst))
    at = At(known, flaw, attached, raw=raw)
    at.packet = packet
    special = raw or attached is not None or known is not None
    program = network.program(origin)
    in_interface: str | None = None
    packets: tuple[Packet, ...] = (packet,)
    seen: set[tuple[str, str | None, bytes]] = set()
    end: End
    while True:
        pattern = program.patterns.get((in_interface, packet.family, packet.src, packet.dst))
        if wire is not None:
            hop, end = _put(program, wire, packet, leg)
            wire = None
        elif pattern is None or packet.ttl <= 1 or len(packet.raw) > pattern.mtu_bytes or len(packets) > 1 or special:
            hop, end = _visit(program, state, at, in_interface, packets, leg)
            at.path_mtu = at.attached = None  # knowledge of the sender's, of no use on the way
            at.raw = special = False
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
            return Walk(hops, end, at.packet if neighbor is None else hop.left[0], _attached(at), at.refused)
        program = network.programs.get(neighbor.device) or network.program(neighbor.device)
        in_interface = neighbor.in_interface
        packets = hop.left
        packet = packets[0]
        if len(hops) > MANY_HOPS:
            place = neighbor.device, in_interface, packet.raw
            if place in seen:
                record = "loop", Effect.DROP, _LOOP.rule, packet, None, None, 0
                hops.append(Hop(leg, program.device, in_interface, None, packets, (), (record,)))
                return Walk(hops, _LOOP, packet, None)
            seen.add(place)


def _put(program: Program, wire: Neighbor, packet: Packet, leg: Leg) -> tuple[Hop, End]:
    """Straight onto the wire, where the link takes it."""
    mtu_bytes = wire.link.mtu_bytes
    end = _TOO_LONG if packet.length > mtu_bytes else Forward(_ONTO_THE_WIRE, wire)
    if isinstance(end, Drop):
        record: Record = ("send", Effect.DROP, end.rule, packet, None, None, mtu_bytes)
        return Hop(leg, program.device, None, None, (), (), (record,)), end
    record = ("send", Effect.PASS, end.rule, packet, None, None, 0)
    return Hop(leg, program.device, None, wire, (), (packet,), (record,)), end


def _attached(at: At) -> Attached | None:
    """What the teller of a refused packet's sender knows of its session, confirmed or not (nf_ct_attach)."""
    if at.state is None or at.state is State.INVALID:
        return None
    if at.session is not None:
        return at.session, not at.reverse
    return Session(key_of(at.arrived), reversed_key(key_of(at.packet)), at.dnat, at.snat), True


def _visit(
    program: Program, state: Memories, at: At, in_interface: str | None, packets: tuple[Packet, ...], leg: Leg
) -> tuple[Hop, End]:
    """One device: what arrived, what was decided, what left; ``at.packet`` is what the decision was about."""
    records: list[Record] = []
    arrived = () if in_interface is None else packets
    refused = off_the_wire(packets, in_interface, program.wire)
    if refused is not None:
        at.enter(state.of(program.device.id), in_interface, packets[0])
        records.append(("receive", Effect.DROP, refused.rule, packets[0], None, None, 0))
        return Hop(leg, program.device, in_interface, None, arrived, (), records), refused
    if len(packets) == 1 and not is_fragment(packets[0].raw):
        end = _run(program, state, at, in_interface, packets[0], records)
        left: tuple[Packet, ...] = (at.packet,)
        largest = 0
    else:
        end, left, largest = _run_fragments(program, state, at, in_interface, packets, records)
    if isinstance(end, Drop) and at.route is not None and end is at.route.unresolved:
        at.refused = pieces(left, at.route, at, packets, largest, [])  # each is turned down by itself
        at.packet = at.refused[0]
    if not isinstance(end, Forward):
        return Hop(leg, program.device, in_interface, None, arrived, (), records, at.translated), end
    left = pieces(left, end, at, packets, largest, records)
    neighbor, mtu_bytes = end.neighbor, limit(end, at)
    if not largest and len(left) == 1 and packets[0].family in program.plain and at.path_mtu is None and not at.raw:
        first = packets[0]
        ends = in_interface, first.family, first.src, first.dst
        program.remember(ends, Pattern(end, records, most_bytes(program.wire, in_interface, mtu_bytes)))
    return Hop(leg, program.device, in_interface, neighbor, arrived, left, records, at.translated), end


def _run_fragments(
    program: Program,
    state: Memories,
    at: At,
    in_interface: str | None,
    packets: tuple[Packet, ...],
    records: list[Record],
) -> tuple[End, tuple[Packet, ...], int]:
    """Fragments of one datagram: put together where sessions or the destination are, else each by itself.

    The last thing returned is the size of the largest fragment of what was put together here.
    """
    largest = max(packet.length for packet in packets)
    if packets[0].family in program.tracks or (packets[0].family, packets[0].dst) in program.home:
        whole = reassemble(packets)
        if whole is not None:
            end = _run(program, state, at, in_interface, whole, records, largest)
            return end, (at.packet,), largest
        if in_interface is None:  # routing comes before that, where the fragment is made
            unroutable = _routed(program, state, at, packets[0], records)
            if unroutable is not None:
                return unroutable, packets, largest
        at.enter(state.of(program.device.id), in_interface, packets[0])
        records.append(("reassemble", Effect.DROP, _INCOMPLETE.rule, packets[0], None, None, 0))
        return _INCOMPLETE, packets, largest
    end = _run(program, state, at, in_interface, packets[0], records)
    left = [at.packet]
    refused = [] if isinstance(end, Forward) else [at.packet]
    for packet in packets[1:]:
        told: list[Record] = []
        ended = _run(program, state, at, in_interface, packet, told)
        left.append(at.packet)
        if isinstance(ended, Drop):
            refused.append(at.packet)
            if isinstance(end, Forward):  # the datagram is lost with the first piece that is dropped
                end = ended
                records += told
    if refused:
        at.packet = refused[0]
        at.refused = tuple(refused)
    return end, tuple(left), 0


def _routed(program: Program, state: Memories, at: At, packet: Packet, records: list[Record]) -> Drop | None:
    """The refusal of a packet made here by the routing decision alone."""
    at.enter(state.of(program.device.id), None, packet)
    for name, _, stage in program.sending.stages:
        outcome = stage(packet, at)
        if isinstance(outcome, Drop):
            records.append((name, _effect(outcome), outcome.rule, packet, None, None, 0))
            return outcome
    return None


def _run(
    program: Program,
    state: Memories,
    at: At,
    in_interface: str | None,
    packet: Packet,
    records: list[Record],
    largest: int = 0,
) -> End:
    """Run the stages until one of them ends the visit or the packet is out; ``at.packet`` is how it then is."""
    at.enter(state.of(program.device.id), in_interface, packet, largest)
    phase: Phase | None = program.sending if in_interface is None else program.arriving
    mtu_bytes = 0
    while phase is not None:
        for name, usual, stage in phase.stages:
            outcome = stage(packet, at)
            if outcome is None:
                continue
            if isinstance(outcome, Forward):
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
                at.route = outcome
                mtu_bytes = limit(outcome, at)
                phase = phase.forwarded
                break
            if isinstance(outcome, Packet):
                records.append((name, REWRITE, usual, packet, outcome, None, 0))
                packet = at.packet = outcome
            elif isinstance(outcome, Rewrite):
                records.append((outcome.kind, REWRITE, outcome.rule, packet, outcome.packet, outcome.kind, 0))
                packet = at.packet = outcome.packet
                at.dnat = outcome.dnat or at.dnat
                at.snat = outcome.snat or at.snat
                at.translated = True
            elif isinstance(outcome, Deliver) and phase.delivered is not None:
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
                at.route = None
                phase = phase.delivered
                break
            elif isinstance(outcome, Continue):
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
            elif isinstance(outcome, Tracked):
                _note(program, state, at, name, outcome, packet, records)
            elif isinstance(outcome, Remember):
                state.own(program.device.id).store(outcome.session)
            else:
                records.append(
                    (name, _effect(outcome), outcome.rule, packet, None, None, _passable(at, packet, mtu_bytes))
                )
                return outcome
        else:
            phase = phase.then
    assert at.route is not None, "a pipeline ends in a decision"
    return at.route


def _passable(at: At, packet: Packet, mtu_bytes: int) -> int:
    """The size of which a refused packet's sender is told: in IPv6 the link's, where that is exceeded too."""
    if packet.family is Family.IPV4 or at.route is None:
        return mtu_bytes
    link = at.route.neighbor.link.mtu_bytes
    return link if (at.largest or packet.length) > link else mtu_bytes


def _note(
    program: Program, state: Memories, at: At, stage: str, tracked: Tracked, packet: Packet, records: list[Record]
) -> None:
    """Keep what connection tracking found, and that a session was answered or is over."""
    at.state, at.session, at.reverse, remark, ends = tracked
    if remark is not None:
        records.append((stage, PASS, remark.rule, packet, None, None, 0))
    if at.reverse and at.session is not None and at.state is not State.RELATED:
        memory = state.own(program.device.id)
        if ends:
            memory.forget(at.session)
        else:
            memory.replied.add(at.session.original)


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
