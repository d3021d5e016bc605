"""Sessions: the only mutable state of a walk, one memory per device.

A session is remembered under the header that opened it and under the header its reply will bear, as
Linux's connection tracking does (netfilter, nf_conntrack_core).  Translations belong to the session, so
that a reply is translated back by what was decided for the first packet and by nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

from dsflow.dataplane.nat import NatRow, next_port, preferred_port
from dsflow.net.packet import Packet
from dsflow.net.wire import ICMP, ICMPV6

__all__ = ["ICMP_PROTOCOLS", "Key", "Memory", "Session", "State", "key_of", "reversed_key"]

ICMP_PROTOCOLS = (ICMP, ICMPV6)

Key = tuple[int, int, int, int | None, int, int | None]
"""Family, protocol, source, source port, destination, destination port; of an ICMP echo twice the identifier."""


def key_of(packet: Packet) -> Key:
    """The header by which a session knows a packet."""
    return packet.family, packet.protocol, packet.src, packet.sport, packet.dst, packet.dport


def reversed_key(key: Key) -> Key:
    """The key of the answer to a packet.

    >>> reversed_key((4, 6, 1, 40000, 2, 80))
    (4, 6, 2, 80, 1, 40000)
    """
    family, protocol, src, sport, dst, dport = key
    return family, protocol, dst, dport, src, sport


class Session(NamedTuple):
    """A connection through a translator: the first packet's key, its reply's, and the rows that apply."""

    original: Key
    reply: Key
    dnat: NatRow | None = None
    snat: NatRow | None = None


class Memory:
    """What one device remembers between packets.

    ``sessions`` are its translations, ``expected`` the keys of packets that its own connections await,
    ``in_use`` how many sessions a translation row holds towards one destination, ``path_mtu`` the
    largest packet, in bytes, that an ICMP error told it to send to a destination (RFC 1191, RFC 8201).
    """

    __slots__ = ("expected", "in_use", "path_mtu", "sessions")

    def __init__(self) -> None:
        self.sessions: dict[Key, Session] = {}
        self.expected: set[Key] = set()
        self.in_use: dict[tuple[int, ...], int] = {}
        self.path_mtu: dict[tuple[int, int], int] = {}

    def store(self, session: Session) -> None:
        """Remember a session in both directions, and the port that it holds."""
        self.sessions[session.original] = session
        self.sessions[session.reply] = session
        if session.snat is not None:
            held = _destination(session.reply)
            self.in_use[held] = self.in_use.get(held, 0) + 1

    def free_port(self, row: NatRow, packet: Packet, seed: int) -> int | None:
        """A source port, or echo identifier, that no session towards the same destination holds.

        None when ``per_destination`` sessions are in use or no port of the pool is left.
        """
        family, protocol, dst, address, pool = packet.family, packet.protocol, packet.dst, row.address, row.pool
        sport, dport = packet.sport or 0, packet.dport or 0
        echo = protocol in ICMP_PROTOCOLS
        if self.in_use.get((protocol, dst, 0 if echo else dport), 0) >= pool.per_destination:
            return None
        first = port = preferred_port(pool, packet.src, sport, dst, dport, seed)
        while (family, protocol, dst, port if echo else dport, address, port) in self.sessions:
            port = next_port(pool, port)
            if port == first:
                return None
        return port


def _destination(reply: Key) -> tuple[int, ...]:
    """What a reply comes from: protocol, address and port; an echo's identifier is no part of it."""
    _, protocol, src, sport, _, _ = reply
    return protocol, src, 0 if protocol in ICMP_PROTOCOLS else sport or 0


_BLANK = Memory()


class State:
    """The memories of all devices; a session of questions keeps one, a single question starts afresh."""

    __slots__ = ("_memories",)

    def __init__(self) -> None:
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
