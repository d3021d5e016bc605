"""An IP packet around an upper-layer message: headers laid out, checksums filled in."""

from __future__ import annotations

from struct import Struct

from dsflow.net.address import Family
from dsflow.net.checksum import internet_checksum, transport_checksum
from dsflow.net.packet import Packet
from dsflow.net.wire import CHECKSUM_OFFSET, ICMP, UDP

__all__ = ["assembled"]

_IPV4 = Struct("!BBHHHBBHII")
_IPV6 = Struct("!IHBB")
_DONT_FRAGMENT = 0x4000


def assembled(
    family: Family,
    protocol: int,
    src: int,
    dst: int,
    message: bytes,
    *,
    ports: tuple[int | None, int | None] = (None, None),
    ttl: int = 64,
    dont_fragment: bool = False,
    traffic_class: int = 0,
) -> Packet:
    """The packet that carries ``message``, whose checksum field is zero, under a plain IP header.

    Parameters
    ----------
    family, protocol, src, dst
        The header's numbers; the protocol is TCP, UDP, ICMP or ICMPv6.
    message
        The upper header and payload.
    ports
        What ``Packet.sport`` and ``Packet.dport`` are for this message.
    ttl, traffic_class
        Bytes of the IP header; the traffic class is IPv4's type of service.
    dont_fragment
        The DF bit of IPv4.  The identification is 0 in either case.
    """
    at = CHECKSUM_OFFSET[protocol]
    checksum = _message_checksum(protocol, src, dst, message)
    message = message[:at] + checksum.to_bytes(2, "big") + message[at + 2 :]
    if family is Family.IPV4:
        flags = _DONT_FRAGMENT if dont_fragment else 0
        header = _ipv4_header(len(message), protocol, src, dst, flags, ttl, traffic_class)
    else:
        header = _IPV6.pack(6 << 28 | traffic_class << 20, len(message), protocol, ttl)
        header += (src << 128 | dst).to_bytes(32, "big")
    size = len(header)
    return Packet(header + message, family, protocol, src, dst, *ports, ttl, size, size + at)


def _message_checksum(protocol: int, src: int, dst: int, message: bytes) -> int:
    if protocol == ICMP:
        return internet_checksum(message)
    checksum = transport_checksum(src, dst, protocol, message)
    return 0xFFFF if checksum == 0 and protocol == UDP else checksum


def _ipv4_header(
    payload_bytes: int, protocol: int, src: int, dst: int, flags: int, ttl: int, traffic_class: int
) -> bytes:
    def header(checksum: int) -> bytes:
        size = 20 + payload_bytes
        return _IPV4.pack(0x45, traffic_class, size, 0, flags, ttl, protocol, checksum, src, dst)

    return header(internet_checksum(header(0)))
