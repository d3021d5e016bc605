"""A question played out: the first packet, the answers, the errors on their way back, the proxy's next connection."""

from __future__ import annotations

from dsflow.dataplane.action import Deliver, Drop, Forward, IcmpError, Neighbor, Reoriginate, Rule
from dsflow.dataplane.device import Device
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.selection import leads_by, source_address
from dsflow.engine.conntrack import Attached, Memories, key_of, reversed_key
from dsflow.engine.outcome import At
from dsflow.engine.program import Network
from dsflow.engine.walk import End, Refusal, Walk, walk
from dsflow.net.address import Family
from dsflow.net.build import first_packet, icmp_error, reply_to, reset_to
from dsflow.net.packet import Packet, rewritten
from dsflow.net.quote import quoted
from dsflow.net.wire import ECHO_REPLY, ICMP, ICMPV6, TCP, UDP, MalformedPacket, next_header_offset, sums_up
from dsflow.trace.hop import Hop
from dsflow.trace.step import Effect, Record
from dsflow.trace.timing import Leg
from dsflow.trace.trace import Cause, Direction, Trace

__all__ = ["converse"]

MOST_CONNECTIONS = 8  # proxies behind proxies end somewhere

_ERRORS = {
    IcmpError.HOP_LIMIT_EXCEEDED: {Family.IPV4: (11, 0), Family.IPV6: (3, 0)},
    IcmpError.TOO_BIG: {Family.IPV4: (3, 4), Family.IPV6: (2, 0)},
    IcmpError.PORT_UNREACHABLE: {Family.IPV4: (3, 3), Family.IPV6: (1, 4)},
    IcmpError.PROTOCOL_UNREACHABLE: {Family.IPV4: (3, 2), Family.IPV6: (4, 1)},
    IcmpError.NO_ROUTE: {Family.IPV4: (3, 0), Family.IPV6: (1, 0)},
    IcmpError.UNREACHABLE_ROUTE: {Family.IPV4: (3, 1), Family.IPV6: (1, 0)},
    IcmpError.PROHIBITED: {Family.IPV4: (3, 13), Family.IPV6: (1, 1)},
    IcmpError.HOST_UNREACHABLE: {Family.IPV4: (3, 1), Family.IPV6: (1, 3)},
    IcmpError.BEYOND_SCOPE: {Family.IPV6: (1, 2)},
}
"""Type and code of each error: RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1, RFC 4443 section 3;
which one Linux sends for a route is in net/ipv4/route.c (ip_error) and net/ipv6/route.c (ip6_pkt_drop)."""

_ABOUT_ROUTES = (IcmpError.NO_ROUTE, IcmpError.UNREACHABLE_ROUTE, IcmpError.PROHIBITED)
_LEAST_IPV6_MTU_BYTES = 1280
_LEAST_PATH_MTU_BYTES = 552  # net.ipv4.route.min_pmtu


def converse(
    network: Network,
    state: Memories,
    origin: str,
    packet: Packet,
    *,
    flaw: MalformedPacket | None = None,
    wire: Neighbor | None = None,
    raw: bool = False,
) -> list[Trace]:
    """The traces of a first packet from ``origin`` and of all that it sets off, in order.

    A proxy completes the client's handshake before it dials, so connection 1 is answered before
    connection 2 begins.  If that answer is lost, the client never sends, and nothing is dialled.
    ``flaw``, ``wire`` and ``raw`` are as in :func:`dsflow.engine.walk.walk`.
    """
    traces: list[Trace] = []
    for connection in range(1, MOST_CONNECTIONS + 1):
        state.own(origin).expected.add(reversed_key(key_of(packet)))
        out = walk(network, state, origin, packet, flaw=flaw, wire=wire, raw=raw)
        traces.append(_trace(out, connection, Direction.FORWARD))
        end, here, packet = out.end, out.hops[-1].at.id, out.packet
        number = len(traces) - 1
        for refusal in out.refusals:
            if not _is_refused_in_silence(refusal, flaw):
                _refuse(network, state, refusal, number, connection, traces, learns=not (raw or wire))
        if isinstance(end, Drop):
            break
        answer = _answer(network, state, out.hops[-1], packet) if _is_answered(end) else None
        answered = _send_back(network, state, here, answer, connection, traces)
        if not (isinstance(end, Reoriginate) and answered):
            break
        origin, packet, flaw, wire, raw = here, _dialled(packet, end), None, None, False
    return traces


def _is_answered(end: End) -> bool:
    return isinstance(end, Reoriginate) or (isinstance(end, Deliver) and end.answers)


def _answer(network: Network, state: Memories, hop: Hop, packet: Packet) -> Packet | Walk | None:
    """What the listener answers, or the answer's whole way where that is not modelled.

    A UDP socket of Linux sets *don't fragment* where the datagram fits.
    """
    here = hop.at.id
    answer = reply_to(packet)
    if answer is None:
        return None
    if (packet.family, packet.dst) not in network.program(here).addresses:
        return _answer_for_all(network, state, hop, packet, answer)
    if answer.protocol != UDP or answer.family is Family.IPV6:
        return answer
    route = _route_from(network, state, here, answer)
    fits = isinstance(route, Deliver) or (isinstance(route, Forward) and answer.length <= route.mtu_bytes)
    if not fits:
        return answer
    known = state.of(here).path_mtu.get((answer.family, answer.dst))
    return answer if known is not None and answer.length > known else reply_to(packet, dont_fragment=True)


def _answer_for_all(
    network: Network, state: Memories, hop: Hop, packet: Packet, answer: Packet
) -> Packet | Walk | None:
    """What came to an address shared with others is answered from one that is the device's alone.

    Only by the interface that it came in by, for the device's own the one whose link shares the address: without a
    source the look-up is bound to that (icmpv6_echo_reply, icmp6_dev).
    """
    route = _route_from(network, state, hop.at.id, answer)
    bound = hop.in_interface or _sharing(hop, packet)
    if isinstance(route, Forward):
        reached = bound == route.neighbor.out_interface
    else:
        reached = bound is not None and answer.dst in hop.at.interfaces[bound].addresses.get(answer.family, ())
    if not reached:
        other = bound is not None and leads_by(network.dataplane[hop.at.id], answer.family, answer.dst, bound)
        return _undetermined(hop.at, _BY_ANOTHER_WAY, answer) if other else None
    src = source_address(network.dataplane[hop.at.id], packet.family, packet.src)
    return answer if src is None else rewritten(answer, src=src)


def _sharing(hop: Hop, packet: Packet) -> str | None:
    """The interface on whose link the device shares the packet's destination with others."""
    assert hop.at.own is not None, "only generic devices share addresses"
    entries = hop.at.own.by_interface[packet.family].items()
    return next((name for name, owns in entries for own in owns if own.prefix.first == packet.dst), None)


def _route_from(network: Network, state: Memories, here: str, packet: Packet) -> object:
    """The routing decision about a packet made at a device."""
    at = At()
    at.enter(state.of(here), None, packet)
    stages = network.program(here).sending.stages
    return next((found for _, _, stage in stages if (found := stage(packet, at)) is not None), None)


_TAKEN_ON_TRUST = {
    Family.IPV4: frozenset({TCP, UDP, ICMP, 33, 47, 50, 51, 132, 136}),
    Family.IPV6: frozenset({TCP, UDP, ICMPV6, 33, 47, 50, 51, 132, 136}),
}
"""Protocols whose sum nf_reject does not ask for, or was looked at before; the numbers are DCCP to UDP-Lite."""


def _is_refused_in_silence(refusal: Refusal, flaw: MalformedPacket | None) -> bool:
    """A filter rejects nothing that it cannot verify, and nobody is told of what was sent to all (nf_reject.c)."""
    packet = refusal.packet
    if packet.family is Family.IPV4 and packet.dst in refusal.hop.at.broadcasts:
        return True
    if not refusal.drop.disposition.is_denial:
        return False
    taken = packet.protocol in _TAKEN_ON_TRUST[packet.family] or sums_up(packet.raw)
    if flaw is not None and flaw.field == "udp.no_checksum":  # there is none to verify (nf_reject_verify_csum)
        flaw = None
    if flaw is not None and packet.protocol == ICMP and sums_up(packet.raw):  # zeros are summed with the IP header
        flaw = None
    return flaw is not None or packet.is_fragment or not taken


def _refuse(
    network: Network,
    state: Memories,
    refusal: Refusal,
    number: int,
    connection: int,
    traces: list[Trace],
    *,
    learns: bool,
) -> None:
    """Send what a refusal provokes: a TCP reset, an ICMP error, or nothing.

    A program on the refusing machine itself gets an error from its system call instead.  ``number`` is that of the
    refused trace, ``learns`` whether a socket sent the packet, which then learns from errors.
    """
    hop, drop, packet, _, _ = refusal
    if hop.index == 0:
        return
    if drop.resets and packet.protocol == TCP:
        reset = reset_to(packet, traffic_class=0 if drop.disposition.is_denial else None)
        _send_back(network, state, hop.at.id, reset, connection, traces, refusal)
    else:
        _send_error(network, state, refusal, number, connection, traces, learns=learns)


def _send_back(
    network: Network,
    state: Memories,
    here: str,
    answer: Packet | Walk | None,
    connection: int,
    traces: list[Trace],
    refusal: Refusal | None = None,
) -> bool:
    """Send an answer, if there is one; whether it came through."""
    if answer is None:
        return False
    if isinstance(answer, Packet):
        back = _sent(network, state, here, answer, None if refusal is None else refusal.attached)
    else:
        back = answer
    traces.append(_trace(back, connection, Direction.REPLY))
    number = len(traces) - 1
    for lost in back.refusals:
        if not (lost.drop.resets and back.packet.protocol == TCP):  # TCP alone answers TCP (RFC 9293 section 3.10.7.1)
            _send_error(network, state, lost, number, connection, traces)
    return isinstance(back.end, Deliver)


_TO_ALL = Rule(reason="{dst} is a broadcast address: an answer goes to all on the link, what they do is not modelled")
_BY_ANOTHER_WAY = Rule(
    reason="an answer from an address shared with others is bound to its interface: a route that is not the best one "
    "is taken, which is not modelled"
)
_TO_NOBODY = Rule(reason="{dst} is nobody's address: where the kernel sends an answer to it is not modelled")


def _sent(network: Network, state: Memories, here: str, answer: Packet, attached: Attached | None) -> Walk:
    """The way of what a device sends of its own accord, which the rules for sockets do not hold back."""
    device = network.program(here).device
    to_all = answer.dst in device.broadcasts and answer.family is Family.IPV4
    if answer.dst and not to_all:
        return walk(network, state, here, answer, attached=attached)
    return _undetermined(device, _TO_ALL if to_all else _TO_NOBODY, answer)


def _undetermined(device: Device, why: Rule, packet: Packet) -> Walk:
    """The way of a packet that the model cannot tell: one hop that says so."""
    record: Record = ("route", Effect.UNKNOWN, why, packet, None, None, 0)
    hop = Hop(Leg(), device, None, None, (), (), (record,))
    return Walk([hop], Drop(why, Disposition.UNDETERMINED), packet)


def _send_error(
    network: Network,
    state: Memories,
    refusal: Refusal,
    number: int,
    connection: int,
    traces: list[Trace],
    *,
    learns: bool = True,
) -> None:
    """Send an ICMP error about a refused packet of trace ``number`` to its sender.

    Not where the refuser is the sender, has no address, or has told that one enough.
    """
    hop, drop, _, attached, mtu_bytes = refusal
    if hop.index == 0 or drop.error is None:
        return
    error = _error_about(network, refusal, drop.error)
    if error is None or not _may_tell(network, state, hop.at.id, error, drop.error):
        return
    back = _sent(network, state, hop.at.id, error, attached)
    traces.append(_trace(back, connection, Direction.ERROR, Cause(trace=number, hop=hop.index)))
    if drop.error is IcmpError.TOO_BIG and isinstance(back.end, Deliver):
        _learn(state, back, _told_mtu(mtu_bytes, error.family), learns=learns)


def _error_about(network: Network, refusal: Refusal, kind: IcmpError) -> Packet | None:
    """The error about a refused packet, or None where there is no address to send it from or none may be sent."""
    packet = refusal.packet
    if kind not in _ERRORS or packet.family not in _ERRORS[kind]:
        return None
    src = _icmp_source(network, refusal)
    if src is None or _is_known_anycast(refusal.hop, packet):
        return None
    icmp_type, icmp_code = _ERRORS[kind][packet.family]
    word = 0
    if kind is IcmpError.TOO_BIG:
        word = _told_mtu(refusal.mtu_bytes, packet.family)
    elif kind is IcmpError.PROTOCOL_UNREACHABLE and packet.family is Family.IPV6:
        word = next_header_offset(packet.raw)
    return icmp_error(packet, src=src, icmp_type=icmp_type, icmp_code=icmp_code, word=word)


def _is_known_anycast(hop: Hop, packet: Packet) -> bool:
    """Whether the sender is the lowest address of a prefix on-link, whom ICMPv6 does not tell (icmp6_send)."""
    if packet.family is Family.IPV4 or hop.at.own is None:
        return False
    entries = (own.prefix for owns in hop.at.own.by_interface[packet.family].values() for own in owns)
    return any(prefix.first == packet.src and prefix.length < 127 for prefix in entries)


def _told_mtu(mtu_bytes: int, family: Family) -> int:
    """The MTU in an error; IPv6 speaks of none below 1280 (RFC 8200 section 5)."""
    return max(mtu_bytes, _LEAST_IPV6_MTU_BYTES) if family is Family.IPV6 else mtu_bytes


def _may_tell(network: Network, state: Memories, device_id: str, error: Packet, kind: IcmpError) -> bool:
    """Whether the device still has an error to spare for this address, where it counts them.

    Both of Linux's limits take a token from the receiver's one bucket (inet_peer_xrlim_allow, ip_error): every
    error one, an error about a route in IPv4 one more before that, from a bucket that holds one less.  In a
    session no time passes, so nothing flows in again.
    """
    burst = network.dataplane[device_id].icmp_burst
    if burst is None:
        return True
    tokens = state.own(device_id).tokens
    key = error.family, error.dst
    left = tokens.get(key, burst)
    if error.family is Family.IPV4 and kind in _ABOUT_ROUTES:
        left = min(left, burst - 1) - 1
    tokens[key] = max(left - 1, 0)
    return left > 0


def _learn(state: Memories, told: Walk, mtu_bytes: int, *, learns: bool) -> None:
    """The sender remembers how large packets to this destination may be (RFC 1191 section 3, RFC 8201 section 4).

    Only what a socket sent teaches it, but for ICMPv6 and echo replies (udp_err, icmp_err, icmpv6_err); IPv4 takes
    nothing below 552 bytes (min_pmtu).
    """
    quote = quoted(told.packet)
    if quote is None:
        return
    by_kernel = quote.protocol == ICMPV6 or (quote.protocol == ICMP and quote.icmp_type == ECHO_REPLY)
    if not (learns or by_kernel):
        return
    known = state.own(told.hops[-1].at.id).path_mtu
    at_least = max(mtu_bytes, _LEAST_PATH_MTU_BYTES) if quote.family is Family.IPV4 else mtu_bytes
    known[quote.family, quote.dst] = min(at_least, known.get((quote.family, quote.dst), at_least))


def _icmp_source(network: Network, refusal: Refusal) -> int | None:
    """A packet to one of the device's own addresses is refused from that one; a router chooses one of its own."""
    hop, packet = refusal.hop, refusal.packet
    own = network.program(hop.at.id).addresses
    if (packet.family, packet.dst) in own or (packet.family is Family.IPV6 and packet.dst in hop.at.anycast):
        return packet.dst
    if (packet.family, packet.src) in own:  # already translated: the error goes round to the device itself
        return packet.src if hop.at.own is None else hop.at.own.toward_itself(packet.family, packet.src)
    by_interface = hop.at.icmp_sources.get(packet.family, {})
    sources = by_interface.get(hop.in_interface) or by_interface.get(None)
    return None if sources is None else sources.lookup(packet.src)


def _dialled(packet: Packet, end: Reoriginate) -> Packet:
    """The first packet of the proxy's own connection."""
    assert packet.protocol == TCP, "flexible load balancers listen on TCP"
    return first_packet(end.family, "tcp", end.src, end.dst, sport=packet.sport, dport=end.dport)


def _trace(out: Walk, connection: int, direction: Direction, cause: Cause | None = None) -> Trace:
    family = out.packet.family
    ended_at = out.ended_at if out.refusals else None
    return Trace(connection, direction, family, out.end.disposition, cause, out.hops, out.end.rule, ended_at)
