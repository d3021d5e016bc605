"""One packet, or the fragments of one, at one device: the stages are run and what they decide is written down.

A step is recorded as a handful of references: words, header differences and steps are made when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.action import Continue, Deliver, Drop, Forward, Neighbor, Reoriginate, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import State
from dsflow.dataplane.tables import Redirect, Track
from dsflow.engine.conntrack import Memories
from dsflow.engine.outcome import At, PassedOver, Remember, Rewrite, Tracked
from dsflow.engine.program import Network, Phase, Program
from dsflow.engine.vnic import let_in, let_out
from dsflow.engine.wire import limit, most_bytes, off_the_wire, pieces, put_together
from dsflow.net.address import Family
from dsflow.net.fragment import reassemble
from dsflow.net.packet import Packet, UnreadablePacket
from dsflow.net.wire import fragment_header, is_fragment
from dsflow.trace.hop import Hop
from dsflow.trace.step import Effect, Pattern, Record, is_policy
from dsflow.trace.timing import Leg

__all__ = ["End", "visit"]

End = Forward | Deliver | Drop | Reoriginate
"""How a visit ends: onwards, here, nowhere, or in a new connection."""

_INCOMPLETE = Drop(
    Rule(reason="not all fragments are here yet, so there is no packet to go on with (RFC 791 section 3.2)"),
    Disposition.MALFORMED,
)
_COMPLETE = Rule(reason="with what came before, all fragments are here (RFC 791 section 3.2, RFC 8200 section 4.5)")


def visit(
    network: Network,
    program: Program,
    state: Memories,
    at: At,
    in_interface: str | None,
    packets: tuple[Packet, ...],
    leg: Leg,
) -> tuple[Hop, End]:
    """One device: what arrived, what was decided, what left; ``at.packet`` is what the decision was about.

    ``at.refused`` are the packets that went no further: the one, or the fragments each by itself.
    """
    records: list[Record] = []
    arrived = () if in_interface is None else packets
    at.refused = []
    if program.wire is not None or isinstance(packets[0], UnreadablePacket):
        packets = _taken(program, state, at, in_interface, packets, records)
    if packets and in_interface is not None and in_interface in program.vnics:
        packets = let_in(program, state, at, in_interface, packets, records)
    if not packets:
        return Hop(leg, program.device, in_interface, None, arrived, (), records), at.refused[0][0]
    if len(packets) == 1 and not is_fragment(packets[0].raw):
        only = packets[0]
        if only.family is Family.IPV6 and only.family in program.tracks:
            only = _unwrapped(only)
        end = _run(program, state, at, in_interface, only, records)
        left: tuple[Packet, ...] = (at.packet,)
        largest = 0
        if isinstance(end, Drop):
            at.refused.append((end, at.packet, records[-1][6]))
    else:
        end, left, largest, packets = _run_fragments(program, state, at, in_interface, packets, records)
    if isinstance(end, Drop) and at.route is not None and end is at.route.unresolved:
        turned_down = pieces(left, at.route, at, packets, largest, [])
        at.refused = [(end, piece, records[-1][6]) for piece in turned_down]
        at.packet = turned_down[0]
    if not isinstance(end, Forward):
        return Hop(leg, program.device, in_interface, None, arrived, (), records, at.translated), end
    neighbor, mtu_bytes = end.neighbor, limit(end, at)
    divided = largest or len(left[0].raw) > mtu_bytes
    if divided:
        left = pieces(left, end, at, packets, largest, records, _longest(network, neighbor))
    if neighbor.out_interface in program.vnics:
        left = let_out(program, state, at, neighbor.out_interface, left, records)
        if not left:
            return Hop(leg, program.device, in_interface, None, arrived, (), records, at.translated), at.refused[0][0]
    is_usual = not (divided or at.refused or at.raw) and at.path_mtu is None
    if program.redirects and in_interface == neighbor.out_interface:
        is_usual = False  # whether the sender is told depends on what the packet is
    if is_usual and packets[0].family in program.plain:
        first = packets[0]
        ends = in_interface, first.family, first.src, first.dst
        program.remember(ends, Pattern(end, records, most_bytes(program.wire, in_interface, mtu_bytes)))
    return Hop(leg, program.device, in_interface, neighbor, arrived, left, records, at.translated), end


def _unwrapped(packet: Packet) -> Packet:
    """The packet as connection tracking passes it on: without a fragment header that is all there is (RFC 6946)."""
    return packet if fragment_header(packet.raw) is None else reassemble((packet,)) or packet


def _taken(
    program: Program,
    state: Memories,
    at: At,
    in_interface: str | None,
    packets: tuple[Packet, ...],
    records: list[Record],
) -> tuple[Packet, ...]:
    """The packets that the interface takes off the wire; the others are refused, each by itself."""
    passed: list[Packet] = []
    for packet in packets:
        drop = off_the_wire(packet, in_interface, program.wire)
        if drop is None:
            passed.append(packet)
            continue
        if not at.refused:
            at.enter(state.of(program.device.id), in_interface, packet)
            records.append(("receive", Effect.DROP, drop.rule, packet, None, None, 0))
        at.refused.append((drop, packet, 0))
    return tuple(passed)


def _longest(network: Network, neighbor: Neighbor) -> int | None:
    """The longest packet that a neighbour's interface takes, where it may be less than the link carries."""
    wire = None if neighbor.device is None else network.program(neighbor.device).wire
    return None if wire is None or neighbor.in_interface is None else wire.limits_bytes[neighbor.in_interface]


def _run_fragments(
    program: Program,
    state: Memories,
    at: At,
    in_interface: str | None,
    packets: tuple[Packet, ...],
    records: list[Record],
) -> tuple[End, tuple[Packet, ...], int, tuple[Packet, ...]]:
    """Fragments of one datagram: put together where sessions or the destination are, else each by itself.

    Beside the end: what is to leave, or was refused; the size of the largest fragment of what was put together
    here; and all the fragments it was made of, those that came now and in a session those that waited for them.
    """
    largest = max(packet.length for packet in packets)
    if packets[0].family not in program.tracks and (packets[0].family, packets[0].dst) not in program.home:
        return *_run_each(program, state, at, in_interface, packets, records), 0, packets
    whole, together = put_together(state.own(program.device.id).waiting, packets)
    if whole is not None:
        if len(together) > len(packets):
            records.append(("reassemble", Effect.PASS, _COMPLETE, packets[0], None, None, 0))
        largest = max(packet.length for packet in together)
        end = _run(program, state, at, in_interface, whole, records, largest)
        if isinstance(end, Drop):
            at.refused.append((end, at.packet, records[-1][6]))
        return end, (at.packet,), largest, together
    lost: Drop = _INCOMPLETE
    if in_interface is None:
        lost = _unsent(program, state, at, packets[0], records) or _INCOMPLETE
    if lost is _INCOMPLETE:
        at.enter(state.of(program.device.id), in_interface, packets[0])
        effect = PASS if at.refused else Effect.DROP  # where a piece was refused, the others wait for it in vain
        records.append(("reassemble", effect, _INCOMPLETE.rule, packets[0], None, None, 0))
    at.refused.append((lost, packets[0], records[-1][6]))
    return lost, packets, largest, packets


def _run_each(
    program: Program,
    state: Memories,
    at: At,
    in_interface: str | None,
    packets: tuple[Packet, ...],
    records: list[Record],
) -> tuple[End, tuple[Packet, ...]]:
    """Fragments each by itself: those that pass, or if none does, all as they were refused.

    The first one's story is told, and that of the first to be refused.
    """
    passed: list[Packet] = []
    refused: list[tuple[Drop, Packet, int]] = []
    way: End | None = None
    for packet in packets:
        told: list[Record] = []
        end = _run(program, state, at, in_interface, packet, told)
        if isinstance(end, Drop):
            refused.append((end, at.packet, told[-1][6]))
        else:
            passed.append(at.packet)
            way = end
        if packet is packets[0] or (len(refused) == 1 and end is refused[0][0]):
            records += told
    at.refused += refused
    if way is not None:
        return way, tuple(passed)
    at.packet = refused[0][1]
    return refused[0][0], tuple(packet for _, packet, _ in refused)


def _unsent(program: Program, state: Memories, at: At, packet: Packet, records: list[Record]) -> Drop | None:
    """The refusal of a fragment that the device makes, by what comes before anything is put together.

    That is the route and the size, and where no connections are tracked all that leads to the device itself.
    """
    at.enter(state.of(program.device.id), None, packet)
    phase: Phase | None = program.sending
    while phase is not None and phase is not program.home_phase:
        following = phase.then
        for name, _, stage in phase.stages:
            if name == Track.stage:
                return None
            outcome = stage(packet, at)
            if isinstance(outcome, Drop):
                mtu_bytes = 0 if at.route is None else limit(at.route, at)
                records.append((name, _effect(outcome), outcome.rule, packet, None, None, mtu_bytes))
                return outcome
            if isinstance(outcome, Forward):
                at.route, following = outcome, phase.forwarded
            elif isinstance(outcome, Deliver):
                following = phase.delivered
        phase = following
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
    ends = in_interface, packet.family, packet.src, packet.dst
    known = program.homeward.get(ends)
    if known is not None:  # how it comes to the listeners is known
        records += [(name, PASS, rule, packet, None, None, 0) for name, rule in known]
        phase = program.home_phase
    mtu_bytes, begun = 0, len(records)
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
            if isinstance(outcome, Deliver):
                if phase.delivered is None:
                    records.append((name, Effect.DELIVER, outcome.rule, packet, None, None, mtu_bytes))
                    return outcome
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
                at.route = None
                if phase is program.arriving and packet.family in program.plain:
                    program.remember_home(ends, records[begun:])
                phase = phase.delivered
                break
            if isinstance(outcome, Packet):
                records.append((name, REWRITE, usual, packet, outcome, None, 0))
                packet = at.packet = outcome
            elif isinstance(outcome, Rewrite):
                records.append((outcome.kind, REWRITE, outcome.rule, packet, outcome.packet, outcome.kind, 0))
                packet = at.packet = outcome.packet
                at.dnat = outcome.dnat or at.dnat
                at.snat = outcome.snat or at.snat
                at.mark = outcome.mark or at.mark
                at.translated = True
            elif isinstance(outcome, Continue):
                records.append((name, PASS, outcome.rule, packet, None, None, 0))
                if name == Redirect.stage and program.device.icmp_burst is not None:
                    state.own(program.device.id).redirected(packet, program.device.icmp_burst)
            elif isinstance(outcome, Tracked):
                _note(program, state, at, name, outcome, packet, records)
            elif isinstance(outcome, Remember):
                state.own(program.device.id).store(outcome.session)
            elif isinstance(outcome, PassedOver):
                records += _passed_over(name, outcome, packet, mtu_bytes)
                if isinstance(outcome.then, Drop):
                    return outcome.then
            elif state.lenient and isinstance(outcome, Drop) and is_policy(name, outcome):
                records.append((name, Effect.SKIP, outcome.rule, packet, None, None, 0))
            else:
                passable = _passable(at, packet, mtu_bytes)
                records.append((name, _effect(outcome), outcome.rule, packet, None, None, passable))
                return outcome
        else:
            phase = phase.then
    assert at.route is not None, "a pipeline ends in a decision"
    return at.route


def _passed_over(stage: str, outcome: PassedOver, packet: Packet, mtu_bytes: int) -> Iterator[Record]:
    """The refusals of a filter that policies are the reason of, and what it said after them."""
    for drop in outcome.refusals:
        yield stage, Effect.SKIP, drop.rule, packet, None, None, 0
    if isinstance(outcome.then, Drop):
        yield stage, _effect(outcome.then), outcome.then.rule, packet, None, None, mtu_bytes
    elif outcome.then is not None:
        yield stage, PASS, outcome.then.rule, packet, None, None, 0


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


def _effect(end: Drop | Reoriginate) -> Effect:
    match end:
        case Reoriginate():
            return Effect.RE_ORIGINATE
        case Drop(disposition=Disposition.UNDETERMINED):
            return Effect.UNKNOWN
        case Drop():
            return Effect.REJECT if end.error is not None or end.resets else Effect.DROP
