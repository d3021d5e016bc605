"""What a namespace's kernel remembers of earlier packets, forgotten: over netlink(7) and two files of /proc.

Sessions of connection tracking, learned path MTUs and redirects, and neighbours that did not answer.  The sockets
and files are opened once, within the namespace, and work from anywhere after.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from struct import Struct

from dsflow.errors import HostError

__all__ = ["Memory"]

_ROUTE, _NETFILTER = 0, 12  # NETLINK_ROUTE, NETLINK_NETFILTER
_REQUEST, _ACK, _DUMP = 1, 4, 0x300
_ERROR, _DONE = 2, 3
_DELETE_NEIGHBOUR, _GET_NEIGHBOUR = 29, 30
_DELETE_ROUTE, _GET_ROUTE = 25, 26
_DELETE_SESSIONS = 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
_PERMANENT_OR_NO_ARP = 0x80 | 0x40
_CLONED = 0x200
_HEADER = Struct("=IHHII")  # length, type, flags, sequence, port
_NEIGHBOUR = Struct("=BxxxiHBB")  # family, interface, state, flags, type
_ROUTE_MESSAGE = Struct("=BBBBBBBBI")
_NETFILTER_MESSAGE = Struct("=BBH")
_ATTRIBUTE = Struct("=HH")
_NEIGHBOUR_ADDRESS = 1


class Memory:
    """The memory of the kernel of the namespace in which this is made."""

    def __init__(self, *, tracks: bool) -> None:
        """Open what is needed; ``tracks`` says whether connections are tracked."""
        self._route = _netlink(_ROUTE)
        self._netfilter = _netlink(_NETFILTER) if tracks else None
        self._flush = os.open("/proc/sys/net/ipv4/route/flush", os.O_WRONLY)

    def forget(self) -> None:
        """Forget everything that an earlier packet left behind."""
        if self._netfilter is not None:
            _ask(self._netfilter, _DELETE_SESSIONS, _NETFILTER_MESSAGE.pack(0, 0, 0))
        os.write(self._flush, b"1\n")
        self._forget_routes()
        self._forget_neighbours()

    def _forget_routes(self) -> None:
        """IPv6's learned path MTUs and redirects, which it keeps as routes."""
        wanted = _ROUTE_MESSAGE.pack(socket.AF_INET6, 0, 0, 0, 0, 0, 0, 0, _CLONED)
        for body in list(_dump(self._route, _GET_ROUTE, wanted)):
            if _ROUTE_MESSAGE.unpack_from(body)[8] & _CLONED:
                _ask(self._route, _DELETE_ROUTE, body)

    def _forget_neighbours(self) -> None:
        """Those that were asked for: an earlier failure would change which route IPv6 takes."""
        for body in list(_dump(self._route, _GET_NEIGHBOUR, _NEIGHBOUR.pack(0, 0, 0, 0, 0))):
            family, interface, state, _, _ = _NEIGHBOUR.unpack_from(body)
            address = _attribute(body[_NEIGHBOUR.size :], _NEIGHBOUR_ADDRESS)
            if not state & _PERMANENT_OR_NO_ARP and address is not None:
                gone = _NEIGHBOUR.pack(family, interface, 0, 0, 0)
                gone += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(address), _NEIGHBOUR_ADDRESS) + address
                _ask(self._route, _DELETE_NEIGHBOUR, gone)

    def close(self) -> None:
        """Close the sockets and files."""
        self._route.close()
        if self._netfilter is not None:
            self._netfilter.close()
        os.close(self._flush)


def _netlink(kind: int) -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, kind)
    made.bind((0, 0))
    made.settimeout(5)
    return made


def _ask(link: socket.socket, kind: int, body: bytes) -> None:
    """Send a request and wait until it is done; what is gone already is no fault."""
    link.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | _ACK, 0, 0) + body)
    for message, told in _messages(link):
        if message == _ERROR:
            number = -Struct("=i").unpack_from(told)[0]
            if number not in (0, errno.ENOENT, errno.ESRCH):
                raise HostError(f"the kernel refused a request of the lab: {os.strerror(number)}")
            return


def _dump(link: socket.socket, kind: int, body: bytes) -> Iterator[bytes]:
    link.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | _DUMP, 0, 0) + body)
    for message, told in _messages(link):
        if message in (_DONE, _ERROR):
            return
        yield told


def _messages(link: socket.socket) -> Iterator[tuple[int, bytes]]:
    while True:
        data = link.recv(1 << 18)
        at = 0
        while at + _HEADER.size <= len(data):
            length, kind, *_ = _HEADER.unpack_from(data, at)
            yield kind, data[at + _HEADER.size : at + length]
            at += length + 3 & ~3


def _attribute(data: bytes, wanted: int) -> bytes | None:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if kind == wanted:
            return data[at + _ATTRIBUTE.size : at + length]
        at += max(length + 3 & ~3, 4)
    return None
