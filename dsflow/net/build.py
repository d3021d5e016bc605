"""Packets made from nothing: the first of a flow, what a listener answers, and ICMP errors.

All are laid out here in bytes, as scapy would build them from the same fields.  What texts leave open is fixed so that
runs repeat: identification 0, DF on TCP only, no TCP options.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from dsflow.net.address import Family
from dsflow.net.assemble import assembled
from dsflow.net.icmp import icmp_error
from dsflow.net.packet import Packet, rewritten
from dsflow.net.wire import (
    ECHO_REPLY,
    ECHO_REPLY_V6,
    ECHO_REQUEST,
    ECHO_REQUEST_V6,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    is_fragment,
    protocol_number,
)

__all__ = ["first_packet", "icmp_error", "reply_to", "reset_to"]

SOURCE_PORT = 40000
ECHO_IDENTIFIER = 1
WINDOW = 64240  # what Linux offers first over Ethernet: 44 segments of 1460 bytes
FIN, SYN, RST, ACK, URG = 0x01, 0x02, 0x04, 0x10, 0x20
_ECE, _CWR = 0x40, 0x80

_LONGEST = 0xFFFF
_PAYLOAD_BYTES = 32
_IP_HEADER_SIZE = {Family.IPV4: 20, Family.IPV6: 40}
_HEADER_SIZE = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}
_TCP = Struct("!HHIIBBHHH")  # ports, sequence, acknowledgement, data offset, flags, window, checksum, urgent
_UDP = Struct("!HHHH")  # ports, length, checksum
_ECHO = Struct("!BBHHH")  # type, code, checksum, identifier, sequence number
_ECHOES = {ICMP: (ECHO_REQUEST, ECHO_REPLY), ICMPV6: (ECHO_REQUEST_V6, ECHO_REPLY_V6)}
_SEQUENCE_MASK = 0xFFFF_FFFF
_CONGESTION = 0x03  # the ECN bits of a traffic class (RFC 3168)


def first_packet(
    family: int,
    protocol: str,
    src: int,
    dst: int,
    *,
    sport: int | None = None,
    dport: int | None = None,
    ttl: int = 64,
    size_bytes: int | None = None,
    dont_fragment: bool | None = None,
) -> Packet:
    """The packet that opens a flow: a TCP SYN, a UDP datagram or an ICMP echo request.

    Parameters
    ----------
    family
        4 or 6.
    protocol
        ``tcp``, ``udp`` or ``icmp`` (ICMPv6 in IPv6).
    src, dst
        Addresses as integers.
    sport
        The source port, 40000 unless given; of an echo its identifier, 1 unless given.
    dport
        The destination port; an echo has none.
    ttl
        The time to live or hop limit.
    size_bytes
        The length of the whole IP packet, filled up with zero bytes.  Unless given, a SYN is empty, and UDP
        and echoes carry 32 bytes.
    dont_fragment
        The DF bit of IPv4, set on TCP alone unless given; IPv6 has none, as no router fragments there.

    Raises
    ------
    ValueError
        For an unknown protocol, a missing or superfluous port, or a size that cannot be.

    >>> first_packet(4, "tcp", 0x0A000001, 0x0A000002, dport=80)
    Packet(tcp 10.0.0.1:40000 > 10.0.0.2:80, ttl 64, 40 bytes)
    """
    prepared = _prepared(family, protocol, ttl, size_bytes, dont_fragment)
    if protocol == "icmp":
        if dport is not None:
            raise ValueError(f"port {dport}: an ICMP echo has none")
        return rewritten(prepared, src=src, dst=dst, sport=sport)
    if dport is None:
        raise ValueError(f"{protocol}: a destination port is missing")
    return rewritten(prepared, src=src, dst=dst, sport=SOURCE_PORT if sport is None else sport, dport=dport)


@lru_cache(maxsize=256)  # bounded, as one entry may be 64 KiB
def _prepared(family: int, protocol: str, ttl: int, size_bytes: int | None, dont_fragment: bool | None) -> Packet:
    """The packet with everything in place but addresses and ports."""
    number = protocol_number(family, protocol)
    message = _opening(number)
    if size_bytes is not None:
        message = _resized(message, number, size_bytes, size_bytes - _IP_HEADER_SIZE[Family(family)])
    identifier = None if number in (TCP, UDP) else ECHO_IDENTIFIER
    return assembled(
        Family(family),
        number,
        0,
        0,
        message,
        ports=(identifier or 0, identifier or 0),
        ttl=ttl,
        dont_fragment=number == TCP if dont_fragment is None else dont_fragment,
    )


def _opening(protocol: int) -> bytes:
    """A SYN without options, or a UDP datagram or echo request of 32 zero bytes; the checksum is zero."""
    if protocol == TCP:
        return _TCP.pack(0, 0, 0, 0, 5 << 4, SYN, WINDOW, 0, 0)
    if protocol == UDP:
        return _UDP.pack(0, 0, _HEADER_SIZE[UDP] + _PAYLOAD_BYTES, 0) + bytes(_PAYLOAD_BYTES)
    request, _ = _ECHOES[protocol]
    return _ECHO.pack(request, 0, 0, ECHO_IDENTIFIER, 1) + bytes(_PAYLOAD_BYTES)


def _resized(message: bytes, protocol: int, size_bytes: int, room: int) -> bytes:
    """The message with as many zero bytes as fill the packet."""
    header = _HEADER_SIZE[protocol]
    shortest = size_bytes - room + header
    if not shortest <= size_bytes <= _LONGEST:
        raise ValueError(f"a packet of {size_bytes} bytes: expected {shortest}-{_LONGEST}")
    if protocol == UDP:
        return message[:4] + room.to_bytes(2, "big") + bytes(room - 6)
    return message[:header] + bytes(room - header)


def reply_to(packet: Packet, *, ttl: int = 64, dont_fragment: bool = False) -> Packet | None:
    """What a listener answers, or None where it says nothing.

    A SYN gets a SYN-ACK that acknowledges it and no data (RFC 9293 section 3.10.7.2); a UDP datagram comes
    back with its payload; an echo request gets the reply of RFC 792 or RFC 4443 section 4.2.  A fragment
    gets nothing, as a listener sees whole packets, nor does UDP from port 0, which nobody can send to.
    ``dont_fragment`` is for UDP over IPv4: TCP always sets the bit, an echo reply never.

    >>> reply_to(first_packet(4, "udp", 0x0A000001, 0x0A000002, dport=53))
    Packet(udp 10.0.0.2:53 > 10.0.0.1:40000, ttl 64, 60 bytes)
    """
    if packet.sport is None or is_fragment(packet.raw) or (packet.protocol == UDP and packet.sport == 0):
        return None
    if packet.protocol == TCP:
        return _syn_ack(packet, ttl)
    if packet.protocol == UDP:
        return _udp_echo(packet, ttl, dont_fragment=dont_fragment)
    return _echo_reply(packet, ttl)


def reset_to(packet: Packet, *, ttl: int = 64, traffic_class: int | None = None) -> Packet | None:
    """The TCP reset that a closed port answers, or None to a reset and to anything but TCP.

    RFC 9293 section 3.10.7.1: a segment with ACK is answered at the sequence number it acknowledges; any
    other by sequence number 0 and an acknowledgement of all that it held.  Linux answers in the packet's own
    traffic class, but for congestion (tcp_v4_send_reset); its filters do so in ``traffic_class``.

    >>> syn = first_packet(6, "tcp", 1, 2, dport=81)
    >>> reset = reset_to(syn)
    >>> reset, reset.tcp_flags == RST | ACK
    (Packet(tcp [::2]:81 > [::1]:40000, ttl 64, 60 bytes), True)
    """
    flags = packet.tcp_flags
    if packet.protocol != TCP or packet.sport is None or is_fragment(packet.raw) or flags & RST:
        return None
    _, _, sequence, acknowledged, offset, *_ = _TCP.unpack_from(packet.raw, packet.transport)
    of_packet = _traffic_class(packet) & ~_CONGESTION
    answered = of_packet if traffic_class is None else traffic_class
    if flags & ACK:
        return _segment_back(packet, acknowledged, 0, RST, 0, ttl, answered)
    data_bytes = len(packet.raw) - packet.transport - (offset >> 4) * 4
    held = data_bytes + bool(flags & SYN) + bool(flags & FIN)
    return _segment_back(packet, 0, (sequence + held) & _SEQUENCE_MASK, RST | ACK, 0, ttl, answered)


def _syn_ack(packet: Packet, ttl: int) -> Packet | None:
    if packet.tcp_flags & (SYN | ACK | RST | FIN) != SYN:
        return None
    sequence = int.from_bytes(packet.raw[packet.transport + 4 : packet.transport + 8], "big")
    if _offers_notification(packet):
        return _segment_back(packet, 0, (sequence + 1) & _SEQUENCE_MASK, SYN | ACK | _ECE, WINDOW, ttl)
    if sequence == 0:
        prepared = _first_syn_ack(packet.family, ttl)
        return rewritten(prepared, src=packet.dst, dst=packet.src, sport=packet.dport, dport=packet.sport)
    return _segment_back(packet, 0, (sequence + 1) & _SEQUENCE_MASK, SYN | ACK, WINDOW, ttl)


def _offers_notification(packet: Packet) -> bool:
    """Whether a SYN offers to be told of congestion (RFC 3168 section 6.1.1), and nobody has marked it on the way."""
    flags, reserved = packet.raw[packet.transport + 13], packet.raw[packet.transport + 12] & 0x0F
    return flags & (_ECE | _CWR) == _ECE | _CWR and not reserved and not _traffic_class(packet) & _CONGESTION


@lru_cache
def _first_syn_ack(family: Family, ttl: int) -> Packet:
    """The answer to a first packet of this module's, which has sequence number 0: all but addresses and ports."""
    message = _TCP.pack(0, 0, 0, 1, 0x50, SYN | ACK, WINDOW, 0, 0)
    return assembled(family, TCP, 0, 0, message, ports=(0, 0), ttl=ttl, dont_fragment=True)


def _segment_back(
    packet: Packet, sequence: int, acknowledged: int, flags: int, window: int, ttl: int, traffic_class: int = 0
) -> Packet:
    message = _TCP.pack(packet.dport, packet.sport, sequence, acknowledged, 0x50, flags, window, 0, 0)
    return _back(packet, message, ttl, dont_fragment=True, traffic_class=traffic_class)


def _udp_echo(packet: Packet, ttl: int, *, dont_fragment: bool) -> Packet:
    at = packet.transport
    length = int.from_bytes(packet.raw[at + 4 : at + 6], "big")
    header = _UDP.pack(packet.dport, packet.sport, length, 0)
    return _back(packet, header + packet.raw[at + 8 : at + length], ttl, dont_fragment=dont_fragment)


def _echo_reply(packet: Packet, ttl: int) -> Packet | None:
    request, reply = _ECHOES[packet.protocol]
    if packet.icmp_type != request:
        return None
    code = packet.raw[packet.transport + 1]  # comes back as it was
    message = bytes((reply, code, 0, 0)) + packet.raw[packet.transport + 4 :]
    return _back(packet, message, ttl, traffic_class=_traffic_class(packet))


def _traffic_class(packet: Packet) -> int:
    """IPv4's type of service, IPv6's traffic class."""
    raw = packet.raw
    return raw[1] if packet.family is Family.IPV4 else (raw[0] & 0x0F) << 4 | raw[1] >> 4


def _back(packet: Packet, message: bytes, ttl: int, *, dont_fragment: bool = False, traffic_class: int = 0) -> Packet:
    """The message on its way to where the packet came from."""
    return assembled(
        packet.family,
        packet.protocol,
        packet.dst,
        packet.src,
        message,
        ports=(packet.dport, packet.sport),
        ttl=ttl,
        dont_fragment=dont_fragment,
        traffic_class=traffic_class,
    )
