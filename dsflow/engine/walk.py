"""The driver: it visits device after device along the links until the packet has come to its end."""

from __future__ import annotations

from typing import NamedTuple

from dsflow.dataplane.action import Deliver, Drop, Forward, Neighbor, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import State
from dsflow.engine.conntrack import Attached, Memories, Session, key_of, reversed_key
from dsflow.engine.outcome import At
from dsflow.engine.program import Network, Program
from dsflow.engine.visit import End, visit
from dsflow.net.packet import Packet, decremented
from dsflow.net.wire import MalformedPacket
from dsflow.trace.hop import Hop
from dsflow.trace.step import Effect, Record
from dsflow.trace.timing import Leg

__all__ = ["End", "Refusal", "Walk", "walk"]

MANY_HOPS = 64  # from here on a walk asks whether it goes in a circle
_LOOP = Drop(
    Rule(reason="the same packet came to the same interface twice and no hop limit ends it"),
    Disposition.LOOP,
)
_TOO_LONG = Drop(Rule(reason="{length} bytes are more than the {mtu} of the link (packet(7))"), Disposition.TOO_BIG)
_ONTO_THE_WIRE = Rule(reason="put straight onto the wire, past the device's own routing and filters")


class Refusal(NamedTuple):
    """A packet, or a fragment of one, that was refused, as it then was: at which hop, and by what.

    ``attached`` is its session and the direction of what its sender is told, ``mtu_bytes`` what would have passed.
    """

    hop: Hop
    drop: Drop
    packet: Packet
    attached: Attached | None
    mtu_bytes: int


class Walk(NamedTuple):
    """The hops of one packet and how it ended; ``packet`` is the last one as it was decided on.

    ``refusals`` are all that were met: of a fragmented datagram some pieces may be refused and others go on, and
    what became of the first is then the end of the datagram.
    """

    hops: list[Hop]
    end: End
    packet: Packet
    refusals: tuple[Refusal, ...] = ()

    @property
    def ended_at(self) -> Hop:
        """The hop that decided the end: the last, or the one that refused the first fragment."""
        return self.refusals[0].hop if self.refusals and isinstance(self.end, Drop) else self.hops[-1]


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
    at = At(known, flaw, attached, raw=raw, chooser=state.chooser, lenient=state.lenient)
    at.packet = packet
    special = raw or attached is not None or known is not None  # more than addresses decides
    program = network.program(origin)
    in_interface: str | None = None
    packets: tuple[Packet, ...] = (packet,)
    seen: set[tuple[str, str | None, bytes]] = set()
    refusals: tuple[Refusal, ...] = ()
    end: End
    while True:
        pattern = program.patterns.get((in_interface, packet.family, packet.src, packet.dst))
        if wire is not None:
            hop, end = _put(program, wire, packet, leg)
            wire = None
        elif pattern is None or special or packet.ttl <= 1 or len(packet.raw) > pattern.mtu_bytes:
            hop, end = visit(network, program, state, at, in_interface, packets, leg)
            if at.refused:
                told = _attached(at)
                refusals += tuple(Refusal(hop, drop, piece, told, mtu) for drop, piece, mtu in at.refused)
            at.path_mtu = at.attached = None  # knowledge of the sender's, of no use on the way
            at.raw = False
            special = len(hop.left) > 1
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
            if refusals and not isinstance(end, Deliver):
                end = refusals[0].drop
            return Walk(hops, end, at.packet if neighbor is None else hop.left[0], refusals)
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
