"""What answers: the listeners of a host and the proxy of a load balancer."""

from __future__ import annotations

from collections.abc import Container

from dsflow.dataplane.action import Drop, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.tables import Listeners, Proxy
from dsflow.engine.conntrack import ICMP_PROTOCOLS, key_of, reversed_key
from dsflow.engine.outcome import At, Outcome, Stage
from dsflow.net.address import Family
from dsflow.net.build import ACK, FIN, RST, SYN
from dsflow.net.icmp import is_icmp_error
from dsflow.net.packet import Packet
from dsflow.net.quote import quoted
from dsflow.net.wire import ECHO_REPLY, ECHO_REPLY_V6, ECHO_REQUEST, ECHO_REQUEST_V6, ICMP, ICMPV6, TCP, UDP

__all__ = ["listener", "proxy"]

_REQUESTS = {(ICMP, ECHO_REQUEST), (ICMPV6, ECHO_REQUEST_V6)}
_REPLIES = {(ICMP, ECHO_REPLY), (ICMPV6, ECHO_REPLY_V6)}
_SILENT = {Family.IPV4: (ICMP, 2, 103), Family.IPV6: (ICMPV6, 59)}  # heard by the kernel itself, or no protocol at all
_SPOKEN = {Family.IPV4: (TCP, UDP, ICMP), Family.IPV6: (TCP, UDP, ICMPV6)}


def listener(table: Listeners) -> Stage:
    """The stage at which a host takes a packet or turns it down."""

    def listening(packet: Packet, at: At) -> Outcome:
        if at.flaw is not None:
            return _damaged(str(at.flaw))
        if packet.dst in (table.broadcasts if packet.family is Family.IPV4 else table.anycast):
            shared = packet.family is Family.IPV4 or packet.protocol == TCP
            return table.unheard if shared else table.echo if _is_echo_request(packet) else _unasked(packet, table)
        if (packet.protocol, packet.dport) in table.ports:
            return _at_open_port(packet, at, table)
        if _is_echo_request(packet):
            return table.echo
        if is_icmp_error(packet):
            return table.told if _is_about_us(packet, at, table.ports) else table.stray
        return table.awaited if _is_awaited(packet, at) else _unasked(packet, table)

    return listening


def _unasked(packet: Packet, table: Listeners) -> Outcome:
    """What becomes of a packet that nobody here waits for."""
    if packet.protocol in _SILENT[packet.family]:
        return table.stray
    if packet.protocol not in _SPOKEN[packet.family]:
        return table.unknown
    if not _opens(packet):
        return table.unconnected
    at_port = (
        drop
        for protocol, ports, drop in table.unsaid
        if packet.protocol == protocol and packet.dport is not None and packet.dport in ports
    )
    return next(at_port, table.closed)


def proxy(table: Proxy, seed: int) -> Stage:
    """The stage at which a proxy ends a connection and chooses the next."""
    ports = {(protocol, port) for _, protocol, port in table.listeners}

    def proxied(packet: Packet, at: At) -> Outcome:
        if at.flaw is not None:
            return _damaged(str(at.flaw))
        if _is_awaited(packet, at):
            return table.awaited
        if _is_echo_request(packet):
            return table.echo
        if is_icmp_error(packet):
            return table.awaited if _is_about_us(packet, at, ports) else table.stray
        listened = (int(packet.family), packet.protocol, packet.dport or 0)
        backends = (table.unchecked if at.lenient else table.listeners).get(listened)
        if backends is None:
            return table.closed
        if not _opens(packet):
            return _unopened(packet, table)
        if not backends:
            return table.no_backend[listened]
        return backends[at.chooser.choose(len(backends), packet, seed, table.affinity.get(listened))]

    return proxied


def _damaged(why: str) -> Drop:
    """The silent end of a packet whose upper header is wrong: only its receiver looks there (RFC 1122, 4.1.3.4)."""
    return Drop(Rule(reason=f"the packet is damaged: {why}"), Disposition.MALFORMED)


def _at_open_port(packet: Packet, at: At, table: Listeners) -> Outcome:
    """RFC 9293 section 3.10.7.2: a SYN opens, an acknowledgement of nothing is reset, the rest is ignored."""
    if _opens(packet) or _is_awaited(packet, at):
        return table.open
    return _unopened(packet, table)


def _unopened(packet: Packet, table: Listeners | Proxy) -> Drop:
    return table.unconnected if packet.tcp_flags & (ACK | RST) == ACK else table.ignored


def _is_echo_request(packet: Packet) -> bool:
    return packet.protocol in ICMP_PROTOCOLS and (packet.protocol, packet.icmp_type) in _REQUESTS


_OPENING = SYN | ACK | RST | FIN


def _opens(packet: Packet) -> bool:
    """Whether a packet can be the first of a connection: of TCP, a SYN alone."""
    return packet.protocol != TCP or packet.tcp_flags & _OPENING == SYN


def _is_awaited(packet: Packet, at: At) -> bool:
    """Whether a connection opened here awaits the packet."""
    if packet.protocol in ICMP_PROTOCOLS and (packet.protocol, packet.icmp_type) not in _REPLIES:
        return False
    return key_of(packet) in at.memory.expected


def _is_about_us(error: Packet, at: At, ports: Container[tuple[int, int | None]]) -> bool:
    """Whether an ICMP error quotes a packet that was sent from here: the first of a connection, or an answer."""
    quote = quoted(error)
    if quote is None:
        return False
    answered = (quote.protocol, quote.sport) in ports or (quote.protocol, quote.icmp_type) in _REPLIES
    return answered or reversed_key(key_of(quote)) in at.memory.expected
