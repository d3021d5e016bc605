"""What passes the interfaces of a namespace, through a mapped ring of packet(7).

The kernel copies each packet into the ring at the moment it passes: a plain packet socket shares buffers with
the stack, and shows fragments with later addresses and TTLs.  Arrivals are seen before netfilter, departures
after netfilter and fragmentation.
"""

from __future__ import annotations

import mmap
import socket
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from dsflow.errors import HostError
from dsflow.lab.chatter import icmpv6_type, is_chatter

__all__ = ["Ring", "Seen"]

_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION = 263, 5, 6, 10
_TPACKET_V2 = 1
_USER = 1  # TP_STATUS_USER: the frame is ours
_HEADER = Struct("=IIIHHIIHH4x")  # status, length, captured, mac, net, seconds, nanoseconds, VLAN
_PLACE = Struct("=HHiHBB8s")  # sockaddr_ll: family, protocol, interface, hardware type, direction, address
_HEADER_BYTES = 32
_ROOM_BYTES = 128  # for the header, the place and their alignment
_RING_BYTES = 8 << 20
_LOOPBACK = "lo"  # takes longer packets than any wire; what passes there need not be whole
_ALL = 0x0003  # ETH_P_ALL
_IPV4, _IPV6, _ARP = (socket.htons(number) for number in (0x0800, 0x86DD, 0x0806))
_OUTGOING, _OTHER_HOST = 4, 3
_SOLICITATION = 135


class Seen(NamedTuple):
    """A packet at an interface; ``direction`` is in or out, ``raw`` begins with the IP header."""

    time_ns: int
    interface: str
    direction: str
    raw: bytes


class Ring:
    """A capture on all interfaces of the namespace in which it is made.

    Parameters
    ----------
    longest_bytes : int
        Packets of up to this size are captured whole.
    for_others : bool
        Whether frames count that are addressed to others: where a bridge passes them on.

    Attributes
    ----------
    asked : bool
        Whether a neighbour was asked for since the last look, by ARP or neighbour discovery: an error may follow
        when nobody answers.
    """

    def __init__(self, longest_bytes: int, *, for_others: bool = False) -> None:
        """Begin to capture."""
        self._for_others = for_others
        frame = 1 << (longest_bytes + _ROOM_BYTES - 1).bit_length()
        self._frame_bytes, self._frames = frame, _RING_BYTES // frame
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
        request = Struct("=IIII").pack(
            max(frame, mmap.PAGESIZE), _RING_BYTES // max(frame, mmap.PAGESIZE), frame, self._frames
        )
        self._socket.setsockopt(_SOL_PACKET, _RX_RING, request)
        self._map = mmap.mmap(self._socket.fileno(), _RING_BYTES)
        self._names = dict(socket.if_nameindex())
        self._at = 0
        self.asked = False

    def fileno(self) -> int:
        """For ``select.poll``."""
        return self._socket.fileno()

    def read(self) -> Iterator[Seen]:
        """What has passed since the last look, in order."""
        while True:
            start = self._at * self._frame_bytes
            status, length, captured, _, net, seconds, nanoseconds, _, _ = _HEADER.unpack_from(self._map, start)
            if not status & _USER:
                return
            _, protocol, index, _, direction, _, _ = _PLACE.unpack_from(self._map, start + _HEADER_BYTES)
            raw = self._map[start + net : start + net + captured]
            self._map[start : start + 4] = bytes(4)  # back to the kernel
            self._at = (self._at + 1) % self._frames
            if length != captured and self._name(index) != _LOOPBACK:
                raise HostError(f"the lab's capture cut a packet of {length} bytes at {captured}")
            if (direction != _OTHER_HOST or self._for_others) and not self._is_chatter(protocol, raw):
                way = "out" if direction == _OUTGOING else "in"
                yield Seen(seconds * 1_000_000_000 + nanoseconds, self._name(index), way, raw)

    def _name(self, index: int) -> str:
        return self._names.get(index, f"#{index}")

    def _is_chatter(self, protocol: int, raw: bytes) -> bool:
        """Whether it is about the link alone: address resolution and multicast membership."""
        if protocol not in (_IPV4, _IPV6):
            self.asked |= protocol == _ARP
            return True
        self.asked |= icmpv6_type(raw) == _SOLICITATION
        return is_chatter(raw)

    def check(self) -> None:
        """Refuse to go on with a capture that has holes.

        Raises
        ------
        HostError
            When packets found no room in the ring.
        """
        _, lost = Struct("=II").unpack(self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        if lost:
            raise HostError(f"the lab's capture lost {lost} packets")

    def close(self) -> None:
        """Give the ring back."""
        self._map.close()
        self._socket.close()
