"""Sessions: the only mutable state of a walk, one memory per device.

A session is remembered under the header that opened it and under the header its reply will bear, as
Linux's connection tracking does (netfilter, nf_conntrack_core).  Translations belong to the session, so
that a reply is translated back by what was decided for the first packet and by nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

from dsflow.dataplane.action import Continue
from dsflow.dataplane.nat import ECHO_IDENTIFIERS, NatRow, PortPool, next_port, port_class, preferred_port
from dsflow.engine.choosing import BY_HASH, Chooser
from dsflow.net.address import Family
from dsflow.net.packet import Packet
from dsflow.net.wire import ECHO_REPLY, ECHO_REPLY_V6, ICMP, ICMPV6

__all__ = ["ICMP_PROTOCOLS", "Attached", "Key", "Memories", "Memory", "Session", "key_of", "reversed_key"]

ICMP_PROTOCOLS = (ICMP, ICMPV6)

Key = tuple[int, int, int, int | None, int, int | None]
"""Family, protocol, source, source port, destination, destination port.

Of an ICMP echo the ports are twice the identifier, and the protocol tells requests from replies.
"""

_ANSWER = 0x100  # beside the protocol number of an echo reply
_REPLIES = {ICMP: ECHO_REPLY, ICMPV6: ECHO_REPLY_V6}


def key_of(packet: Packet) -> Key:
    """The header by which a session knows a packet."""
    protocol = packet.protocol
    if protocol in _REPLIES and packet.icmp_type == _REPLIES[protocol]:
        protocol |= _ANSWER
    return packet.family, protocol, packet.src, packet.sport, packet.dst, packet.dport


def reversed_key(key: Key) -> Key:
    """The key of the answer to a packet.

    >>> reversed_key((4, 6, 1, 40000, 2, 80))
    (4, 6, 2, 80, 1, 40000)
    """
    family, protocol, src, sport, dst, dport = key
    if protocol & ~_ANSWER in _REPLIES:
        protocol ^= _ANSWER
    return family, protocol, dst, dport, src, sport


class Session(NamedTuple):
    """A connection through a translator: the first packet's key, its reply's, and the rows that apply.

    ``tcp_flags`` are the first packet's, ``in_interface`` is the one it came in by, where answers go back there.
    """

    original: Key
    reply: Key
    dnat: NatRow | None = None
    snat: NatRow | None = None
    tcp_flags: int = 0
    in_interface: str | None = None


Attached = tuple[Session, bool]
"""The session of a refused packet, known to whatever tells its sender (nf_ct_attach), and that one's direction."""


class Memory:
    """What one device remembers between packets.

    ``sessions`` are its connections, ``replied`` the first keys of those that were answered, ``mappings`` the
    sources that were given to a source, ``expected`` the keys of packets that its own connections await,
    ``let_through`` what is said of the packets of a connection that a VNIC of the device had tracked, by VNIC, whether
    they come in, and key,
    ``in_use`` how many sessions a translation row holds towards one destination, ``path_mtu`` the
    largest packet, in bytes, that an ICMP error told it to send to a destination (RFC 1191, RFC 8201),
    ``tokens`` how many ICMP errors it may still send to an address, ``waiting`` the fragments of datagrams that
    are not whole yet.
    """

    __slots__ = (
        "expected",
        "in_use",
        "let_through",
        "mappings",
        "path_mtu",
        "replied",
        "sessions",
        "tokens",
        "waiting",
    )

    def __init__(self) -> None:
        self.sessions: dict[Key, Session] = {}
        self.replied: set[Key] = set()
        self.mappings: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        self.expected: set[Key] = set()
        self.let_through: dict[tuple[str, bool, Key], Continue] = {}
        self.in_use: dict[tuple[int, ...], int] = {}
        self.path_mtu: dict[tuple[int, int], int] = {}
        self.tokens: dict[tuple[int, int], int] = {}
        self.waiting: dict[tuple[int, ...], tuple[Packet, ...]] = {}

    def store(self, session: Session) -> None:
        """Remember a session in both directions, and the port that it holds."""
        self.sessions[session.original] = session
        self.sessions[session.reply] = session
        if session.snat is not None:
            held = _destination(session.reply)
            pool = session.snat.pool
            if pool is not None and pool.evicts and self.in_use.get(held, 0) >= pool.per_destination:
                self.forget(self._oldest(held))
            self.in_use[held] = self.in_use.get(held, 0) + 1
        family, protocol, src, sport, _, _ = session.original
        given = session.reply[4], session.reply[5] or 0
        self.mappings.setdefault((family, protocol, src, sport or 0), []).append(given)

    def _oldest(self, held: tuple[int, ...]) -> Session:
        """The first of the translated connections to a destination that are remembered."""
        return next(
            session for session in self.sessions.values() if session.snat and _destination(session.reply) == held
        )

    def forget(self, session: Session) -> None:
        """Remember a session no longer."""
        for key in (session.original, session.reply):
            self.sessions.pop(key, None)
        self.replied.discard(session.original)
        if session.snat is not None:
            self.in_use[_destination(session.reply)] -= 1
        family, protocol, src, sport, _, _ = session.original
        self.mappings[family, protocol, src, sport or 0].remove((session.reply[4], session.reply[5] or 0))

    def redirected(self, packet: Packet, burst: int) -> None:
        """Take what a redirect takes from the errors that its receiver may still get.

        In IPv4 all (ip_rt_send_redirect sets the bucket's clock), in IPv6 one, and one from those about what the
        packet was sent to (ip6_forward, ndisc_send_redirect).
        """
        if packet.family == Family.IPV4:
            self.tokens[packet.family, packet.src] = 0
            return
        for address in (packet.dst, packet.src):
            key = packet.family, address
            self.tokens[key] = max(self.tokens.get(key, burst) - 1, 0)

    def free_port(self, pool: PortPool, address: int, packet: Packet, seed: int) -> int | None:
        """A source port, or echo identifier, that no session towards the same destination holds.

        None when ``per_destination`` sessions are in use and none is evicted, or no port of the pool is left.
        """
        sport, dport = packet.sport or 0, packet.dport or 0
        held = packet.protocol, packet.dst, 0 if packet.protocol in ICMP_PROTOCOLS else dport
        if self.in_use.get(held, 0) >= pool.per_destination and not pool.evicts:
            return None
        first = port = preferred_port(pool, packet.src, sport, packet.dst, dport, seed)
        while _reply_key(packet, address, port) in self.sessions:
            port = next_port(pool, port)
            if port == first:
                return None
        return port

    def is_taken(self, packet: Packet, address: int, port: int | None) -> bool:
        """Whether the answer to a packet from ``address`` and its port could not be told from another connection's."""
        return _reply_key(packet, address, packet.sport if port is None else port) in self.sessions

    def kept_port(self, address: int, packet: Packet, seed: int) -> int | None:
        """The source port that Linux gives a new connection (nf_nat_core, get_unique_tuple).

        What the same source was given before, else its own, unless the answer could not be told from
        another connection's; then one of its class.
        """
        sport = packet.sport or 0
        if packet.src != address:
            for given, port in self.mappings.get((packet.family, packet.protocol, packet.src, sport), ()):
                if given == address and _reply_key(packet, address, port) not in self.sessions:
                    return port
        if _reply_key(packet, address, sport) not in self.sessions:
            return sport
        return self.drawn_port(address, packet, seed)

    def drawn_port(self, address: int, packet: Packet, seed: int) -> int | None:
        """A free port of the class of the packet's own (nf_nat_core, nf_nat_l4proto_unique_tuple)."""
        pool = ECHO_IDENTIFIERS if packet.protocol in ICMP_PROTOCOLS else port_class(packet.sport or 0)
        return self.free_port(pool, address, packet, seed)


def _reply_key(packet: Packet, address: int, port: int | None) -> Key:
    """What the answer to the packet bears if its source becomes ``address`` and ``port``."""
    family, protocol, _, _, dst, dport = key_of(packet)
    return reversed_key((family, protocol, address, port, dst, port if packet.protocol in ICMP_PROTOCOLS else dport))


def _destination(reply: Key) -> tuple[int, ...]:
    """What a reply comes from: protocol, address and port; an echo's identifier is no part of it."""
    _, protocol, src, sport, _, _ = reply
    protocol &= ~_ANSWER
    return protocol, src, 0 if protocol in ICMP_PROTOCOLS else sport or 0


_BLANK = Memory()


class Memories:
    """The memories of all devices; a session of questions keeps one, a single question starts afresh.

    ``chooser`` says which way is taken where a device has several; with ``lenient`` no filter, policy or security
    rule stops a packet, but what it would have done is written down.
    """

    __slots__ = ("_memories", "chooser", "lenient")

    def __init__(self, chooser: Chooser = BY_HASH, *, lenient: bool = False) -> None:
        self.chooser = chooser
        self.lenient = lenient
        self._memories: dict[str, Memory] = {}

    def of(self, device_id: str) -> Memory:
        """The memory of one device, to be read: most devices have nothing to remember and share an empty one."""
        return self._memories.get(device_id, _BLANK)

    def own(self, device_id: str) -> Memory:
        """The memory of one device, to be written."""
        memory = self._memories.get(device_id)
        if memory is None:
            memory = self._memories[device_id] = Memory()
        return memory
