"""A question played out: the first packet, the answers, the errors on their way back, the proxy's next connection."""

from __future__ import annotations

from dsflow.dataplane.action import Deliver, Drop, Forward, IcmpError, Reoriginate
from dsflow.engine.conntrack import State, key_of, reversed_key
from dsflow.engine.program import Network
from dsflow.engine.walk import Walk, walk
from dsflow.net.address import Family
from dsflow.net.build import first_packet, icmp_error, reply_to, reset_to
from dsflow.net.packet import Packet
from dsflow.net.quote import quoted
from dsflow.net.wire import TCP
from dsflow.trace.trace import Cause, Direction, Trace

__all__ = ["converse"]

MOST_CONNECTIONS = 8  # proxies behind proxies end somewhere

_ERRORS = {
    IcmpError.HOP_LIMIT_EXCEEDED: {Family.IPV4: (11, 0), Family.IPV6: (3, 0)},
    IcmpError.TOO_BIG: {Family.IPV4: (3, 4), Family.IPV6: (2, 0)},
    IcmpError.PORT_UNREACHABLE: {Family.IPV4: (3, 3), Family.IPV6: (1, 4)},
    IcmpError.NO_ROUTE: {Family.IPV4: (3, 0), Family.IPV6: (1, 0)},
}
"""Type and code of each error: RFC 792, RFC 1122 section 3.2.2.1, RFC 4443 section 3."""


def converse(network: Network, state: State, origin: str, packet: Packet) -> list[Trace]:
    """The traces of a first packet from ``origin`` and of all that it sets off, in order.

    A proxy completes the client's handshake before it dials, so connection 1 is answered before
    connection 2 begins.  If that answer is lost, the client never sends, and nothing is dialled.
    """
    traces: list[Trace] = []
    for connection in range(1, MOST_CONNECTIONS + 1):
        state.own(origin).expected.add(reversed_key(key_of(packet)))
        out = walk(network, state, origin, packet)
        traces.append(_trace(out, connection, Direction.FORWARD))
        end, here, packet = out.end, out.hops[-1].at.id, out.packet
        if isinstance(end, Drop):
            _refuse(network, state, out, end, connection, traces)
            break
        answer = None if isinstance(end, Forward) else reply_to(packet)
        answered = _send_back(network, state, here, answer, connection, traces)
        if not (isinstance(end, Reoriginate) and answered):
            break
        origin, packet = here, _dialled(packet, end)
    return traces


def _refuse(network: Network, state: State, out: Walk, end: Drop, connection: int, traces: list[Trace]) -> None:
    """Send what a refusal provokes: a TCP reset, an ICMP error, or nothing."""
    if end.resets and out.packet.protocol == TCP:
        _send_back(network, state, out.hops[-1].at.id, reset_to(out.packet), connection, traces)
    elif end.error is not None:
        _send_error(network, state, out, end, connection, traces)


def _send_back(
    network: Network, state: State, here: str, answer: Packet | None, connection: int, traces: list[Trace]
) -> bool:
    """Send an answer, if there is one; whether it came through."""
    if answer is None:
        return False
    back = walk(network, state, here, answer)
    traces.append(_trace(back, connection, Direction.REPLY))
    tcp_resets = isinstance(back.end, Drop) and back.end.resets and answer.protocol == TCP
    if isinstance(back.end, Drop) and not tcp_resets:  # TCP alone answers TCP (RFC 9293 section 3.10.7.1)
        _send_error(network, state, back, back.end, connection, traces)
    return isinstance(back.end, Deliver)


def _send_error(network: Network, state: State, out: Walk, drop: Drop, connection: int, traces: list[Trace]) -> None:
    """Send an ICMP error to the sender of a refused packet, unless the refuser is the sender or has no address."""
    hop = out.hops[-1]
    if hop.index == 0 or drop.error is None:
        return
    packet = out.packet
    src = _icmp_source(network, hop.at.id, packet, drop.error)
    if src is None:
        return
    icmp_type, icmp_code = _ERRORS[drop.error][packet.family]
    mtu_bytes = hop.records[-1][6] if drop.error is IcmpError.TOO_BIG else 0
    error = icmp_error(packet, src=src, icmp_type=icmp_type, icmp_code=icmp_code, mtu_bytes=mtu_bytes)
    if error is not None:
        cause = Cause(trace=len(traces) - 1, hop=hop.index)
        back = walk(network, state, hop.at.id, error)
        traces.append(_trace(back, connection, Direction.ERROR, cause))
        if mtu_bytes and isinstance(back.end, Deliver):
            _learn(state, back, mtu_bytes)


def _learn(state: State, told: Walk, mtu_bytes: int) -> None:
    """The sender remembers how large packets to this destination may be (RFC 1191 section 3, RFC 8201 section 4)."""
    quote = quoted(told.packet)
    if quote is not None:
        state.own(told.hops[-1].at.id).path_mtu[quote.family, quote.dst] = mtu_bytes


def _icmp_source(network: Network, device_id: str, packet: Packet, error: IcmpError) -> int | None:
    """A closed port answers from the address that was asked; a router from one of its own."""
    if error is IcmpError.PORT_UNREACHABLE:
        return packet.dst
    sources = network.dataplane[device_id].icmp_sources.get(packet.family)
    return None if sources is None else sources.lookup(packet.src)


def _dialled(packet: Packet, end: Reoriginate) -> Packet:
    """The first packet of the proxy's own connection."""
    assert packet.protocol == TCP, "flexible load balancers listen on TCP"
    return first_packet(end.family, "tcp", end.src, end.dst, sport=packet.sport, dport=end.dport)


def _trace(out: Walk, connection: int, direction: Direction, cause: Cause | None = None) -> Trace:
    family = out.packet.family
    return Trace(connection, direction, family, out.end.disposition, cause, out.hops, out.end.rule)
