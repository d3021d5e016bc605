"""Connection tracking: which session a packet belongs to, and which packets can belong to none."""

from __future__ import annotations

from dsflow.dataplane.match import State
from dsflow.dataplane.tables import Confirm, Returns, Track
from dsflow.engine.conntrack import ICMP_PROTOCOLS, Session, key_of, reversed_key
from dsflow.engine.outcome import At, Outcome, Remember, Stage, Tracked
from dsflow.net.address import Family
from dsflow.net.build import ACK, FIN, RST, SYN, URG
from dsflow.net.icmp import OF_THE_LINK, is_icmp_error
from dsflow.net.packet import Packet
from dsflow.net.quote import quoted
from dsflow.net.wire import ECHO_REQUEST, ECHO_REQUEST_V6, ICMP, ICMPV6, TCP

__all__ = ["confirm", "returned", "track"]

_KNOWN_FLAGS = frozenset({SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG})
"""The flags that make sense together (nf_conntrack_proto_tcp, tcp_valid_flags); PSH, ECE and CWR do not count."""

_OPENING = frozenset({SYN, SYN | URG, ACK, ACK | URG})
"""Those of a first segment: Linux takes up connections that it has not seen opened (nf_conntrack_tcp_loose)."""

_REQUESTS = {ICMP: frozenset({ECHO_REQUEST, 13, 15, 17}), ICMPV6: frozenset({ECHO_REQUEST_V6, 139})}
"""The ICMP messages that can open a session: echo, timestamp, information, address mask; node information."""


_GRE, _PPP = 47, b"\x88\x0b"
_NO_NEXT = 59


def track(table: Track) -> Stage:
    """The stage that finds a packet's session."""
    families = table.families

    def tracked(packet: Packet, at: At) -> Outcome:
        if packet.family not in families or (packet.protocol == ICMPV6 and packet.icmp_type in OF_THE_LINK):
            return None  # what holds a link together is let alone (nf_conntrack_proto_icmpv6.c)
        if at.attached is not None:
            return Tracked(State.RELATED, *at.attached)
        if packet.protocol in ICMP_PROTOCOLS and is_icmp_error(packet):
            return _of_error(packet, at, table)
        if table.invalid is not None and _makes_no_sense(packet, at):
            return Tracked(State.INVALID, remark=table.invalid)
        key = key_of(packet)
        session = at.memory.sessions.get(key)
        if session is None:
            opens = table.invalid is None or _can_open(packet, loose=table.loose)
            return Tracked(State.NEW) if opens else Tracked(State.INVALID, remark=table.invalid)
        reverse = key != session.original
        replied = session.original in at.memory.replied
        if table.invalid is not None and not reverse and not replied and _is_early(packet, session):
            return Tracked(State.INVALID, remark=table.invalid)
        state = State.ESTABLISHED if reverse or replied else State.NEW
        # a connection whose only answer is a reset never was one, and is forgotten (nf_conntrack_proto_tcp.c)
        refused = table.invalid is not None and reverse and not replied and bool(packet.tcp_flags & RST)
        return Tracked(state, session, reverse, ends=refused)

    return tracked


def confirm(_: Confirm) -> Stage:
    """The stage that remembers a new connection."""

    def confirmed(packet: Packet, at: At) -> Outcome:
        if at.state is not State.NEW or at.session is not None:
            return None
        original, reply = key_of(at.arrived), reversed_key(key_of(packet))
        return Remember(Session(original, reply, at.dnat, at.snat, at.arrived.tcp_flags))

    return confirmed


def returned(table: Returns) -> Stage:
    """The stage that remembers who handed a packet on, and gives its answers, errors too, back to whoever did."""
    fronts, ways = table.fronts, table.ways

    def back(packet: Packet, at: At) -> Outcome:
        sessions = at.memory.sessions
        handed = None if at.in_interface is None else fronts.get(at.in_interface)
        if handed is not None:
            if (packet.family, packet.src) in handed or (key := key_of(packet)) in sessions:
                return None
            return Remember(Session(key, reversed_key(key), in_interface=at.in_interface))
        about = quoted(packet) if is_icmp_error(packet) else None
        key = key_of(packet) if about is None else reversed_key(key_of(about))
        session = sessions.get(key)
        if session is None or session.in_interface is None or key != session.reply:
            return None
        return ways.get((session.in_interface, at.in_interface))

    return back


def _of_error(error: Packet, at: At, table: Track) -> Outcome:
    """An ICMP error belongs to the session of the packet that it quotes, if there is one."""
    quote = quoted(error)
    key = None if quote is None else reversed_key(key_of(quote))
    session = None if key is None or _is_garbled(at) else at.memory.sessions.get(key)
    if session is None:
        return Tracked(State.INVALID, remark=table.invalid)
    return Tracked(State.RELATED, session, key == session.reply)


def _makes_no_sense(packet: Packet, at: At) -> bool:
    if _is_garbled(at) or _is_strange_tunnel(packet) or (packet.family == Family.IPV6 and packet.protocol == _NO_NEXT):
        return True  # with no next header there is no upper protocol to be found (ipv6_get_l4proto)
    return packet.protocol == TCP and packet.tcp_flags & (SYN | ACK | RST | FIN | URG) not in _KNOWN_FLAGS


def _is_strange_tunnel(packet: Packet) -> bool:
    """Whether a GRE packet is of version 1 and does not carry PPP (RFC 2637, nf_conntrack_proto_gre.c)."""
    if packet.protocol != _GRE:
        return False
    header = packet.raw[packet.transport : packet.transport + 8]
    return len(header) == 8 and header[1] & 7 == 1 and header[2:4] != _PPP


def _is_early(packet: Packet, session: Session) -> bool:
    """Whether the sender of a SYN goes on before it is answered: it may repeat it or give up, and nothing else."""
    opening = packet.protocol == TCP and session.tcp_flags & (SYN | ACK) == SYN
    return opening and not packet.tcp_flags & RST and packet.tcp_flags & (SYN | ACK | FIN) != SYN


def _is_garbled(at: At) -> bool:
    """Whether the upper header is damaged; a checksum is looked at where packets come in, and none is no error."""
    if at.flaw is None or at.flaw.field == "udp.no_checksum":
        return False
    return at.in_interface is not None or not at.flaw.field.endswith(".checksum")


def _can_open(packet: Packet, *, loose: bool) -> bool:
    if packet.protocol == TCP:
        flags = packet.tcp_flags & (SYN | ACK | RST | FIN | URG)
        return flags in _OPENING if loose else flags == SYN
    return packet.protocol not in _REQUESTS or packet.icmp_type in _REQUESTS[packet.protocol]
