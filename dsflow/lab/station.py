"""The lab's sockets in one namespace: they send probes and listen, and nothing else."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from struct import Struct

from dsflow.lab.capture import Ring
from dsflow.lab.command import Twin
from dsflow.lab.fields import read_fields
from dsflow.lab.netlink import Memory
from dsflow.net.address import Address, Family, format_address

__all__ = ["Station", "destination"]

_ETHERTYPE = {Family.IPV4: 0x0800, Family.IPV6: 0x86DD}
_IPV6_HEADER_INCLUDED = 36  # IPV6_HDRINCL of linux/in6.h
_BY_INTERFACE = 4  # IP_PMTUDISC_INTERFACE of linux/in.h
_DEAF_TO_PATH_MTUS = {
    socket.AF_INET: (socket.IPPROTO_IP, 10),  # IP_MTU_DISCOVER
    socket.AF_INET6: (socket.IPPROTO_IPV6, 23),  # IPV6_MTU_DISCOVER
}
"""How a socket says that it sends by its interface's MTU: a raw packet teaches its sender no path MTU."""

_DONT_FRAGMENT, _MAY_FRAGMENT = 2, 0  # IP_PMTUDISC_DO and IP_PMTUDISC_DONT
_RESET_ON_CLOSE = Struct("=ii").pack(1, 0)
_CONNECTED_S = 1.0


class Station:
    """The lab's place in one namespace; to be made, and asked to send, within it.

    Attributes
    ----------
    ring : Ring
    memory : Memory
    """

    def __init__(self, twin: Twin) -> None:
        """Open what every probe needs."""
        self.ring = Ring(twin.longest_bytes, for_others=twin.switches)
        self.memory = Memory(tracks=twin.tracks)

    def send(self, packet: bytes) -> int | None:
        """Send through the namespace's own routes and filters; the error number, if it refuses."""
        ipv4 = packet[0] >> 4 == 4
        with _raw_ipv4() if ipv4 else _raw_ipv6() as sender:
            try:
                sender.sendto(packet, (_destination(packet), 0))
            except OSError as error:
                return error.errno
        return None

    def put_on_wire(self, packet: bytes, interface: str, mac: str) -> int | None:
        """Send on an interface, past routes and filters; the error number if it does not fit."""
        family = Family.IPV6 if packet[:1] and packet[0] >> 4 == 6 else Family.IPV4
        hardware = bytes.fromhex(mac.replace(":", ""))
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as sender:
            try:
                sender.sendto(packet, (interface, _ETHERTYPE[family], 0, 0, hardware))
            except OSError as error:
                return None if error.errno == errno.ENOBUFS else error.errno  # the wire lost it, as a wire may
        return None

    def await_datagram(self, packet: bytes) -> socket.socket | None:
        """A socket between the ends of a UDP packet, as an application that had sent it would have.

        Except that it learns no path MTU: the packet itself comes from a raw socket, whose errors nobody reads.
        None if it is no UDP, or the source is not this namespace's.
        """
        fields = read_fields(packet)
        port = fields.get("udp.sport")
        if not isinstance(port, int) or not port or _asks_itself(packet, port, fields.get("udp.dport")):
            return None
        family, source = (socket.AF_INET, packet[12:16]) if packet[0] >> 4 == 4 else (socket.AF_INET6, packet[8:24])
        waiting = socket.socket(family, socket.SOCK_DGRAM)
        waiting.setsockopt(*_DEAF_TO_PATH_MTUS[family], _BY_INTERFACE)
        waiting.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # beside a daemon, and others like itself
        try:
            waiting.bind((socket.inet_ntop(family, source), port))
            waiting.connect((_destination(packet), fields["udp.dport"]))
        except OSError:  # a source of others, or no way to the other end: then nothing comes back either
            waiting.close()
            return None
        return waiting

    def connect(self, packet: bytes) -> tuple[socket.socket, int | None]:
        """A connection between the ends of a SYN, as an application opens one; with the error number, if it fails.

        It is reset when the socket is closed.
        """
        fields = read_fields(packet)
        ipv4 = packet[0] >> 4 == 4
        made = socket.socket(socket.AF_INET if ipv4 else socket.AF_INET6, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        for option, value in _header_options(packet):
            made.setsockopt(*option, value)
        made.settimeout(_CONNECTED_S)
        try:
            made.bind((socket.inet_ntop(made.family, packet[12:16] if ipv4 else packet[8:24]), fields["tcp.sport"]))
            made.connect((_destination(packet), fields["tcp.dport"]))
        except OSError as error:
            return made, error.errno
        return made, None

    def close(self) -> None:
        """Close everything."""
        with suppress(OSError):
            self.ring.close()
        self.memory.close()


def _header_options(packet: bytes) -> list[tuple[tuple[int, int], int]]:
    """What a socket is told so that its packets have the header of this one."""
    if packet[0] >> 4 == 6:
        traffic_class = int.from_bytes(packet[:2], "big") >> 4 & 0xFF
        level = socket.IPPROTO_IPV6
        return [((level, socket.IPV6_UNICAST_HOPS), packet[7]), ((level, socket.IPV6_TCLASS), traffic_class)]
    level, divides = socket.IPPROTO_IP, _DONT_FRAGMENT if packet[6] & 0x40 else _MAY_FRAGMENT
    path_mtu = _DEAF_TO_PATH_MTUS[socket.AF_INET]
    return [((level, socket.IP_TTL), packet[8]), ((level, socket.IP_TOS), packet[1]), (path_mtu, divides)]


def _asks_itself(packet: bytes, sport: int, dport: object) -> bool:
    """Whether a socket at the source would be that asked for."""
    ends = (packet[12:16], packet[16:20]) if packet[0] >> 4 == 4 else (packet[8:24], packet[24:40])
    return ends[0] == ends[1] and sport == dport


def _raw_ipv4() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)  # includes the header


def _raw_ipv6() -> socket.socket:
    made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    made.setsockopt(socket.IPPROTO_IPV6, _IPV6_HEADER_INCLUDED, 1)
    return made


def _destination(packet: bytes) -> str:
    ipv4 = packet[0] >> 4 == 4
    return format_address(4 if ipv4 else 6, int.from_bytes(packet[16:20] if ipv4 else packet[24:40], "big"))


def destination(packet: bytes) -> Address | None:
    """Where a packet wants to go; None for bytes that are none."""
    if len(packet) >= 40 and packet[0] >> 4 == 6:
        return Address.from_packed(packet[24:40])
    return Address.from_packed(packet[16:20]) if len(packet) >= 20 and packet[0] >> 4 == 4 else None
