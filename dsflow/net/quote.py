"""The packet that an ICMP error quotes, read and replaced: what a NAT does to errors (RFC 5508 section 4)."""

from __future__ import annotations

from dsflow.net.address import Family
from dsflow.net.checksum import internet_checksum, transport_checksum
from dsflow.net.packet import Packet, rewritten
from dsflow.net.wire import (
    CHECKSUM_OFFSET,
    ECHO_REPLY,
    ECHO_REPLY_V6,
    ECHO_REQUEST,
    ECHO_REQUEST_V6,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    MalformedPacket,
    skip_extensions,
)

__all__ = ["quoted", "requoted"]

_ERROR_HEADER_BYTES = 8
_ECHOES = {ICMP: (ECHO_REQUEST, ECHO_REPLY), ICMPV6: (ECHO_REQUEST_V6, ECHO_REPLY_V6)}


def quoted(error: Packet) -> Packet | None:
    """The packet inside an ICMP error, mostly cut short; None where not even its IP header is whole.

    >>> from dsflow.net.build import first_packet, icmp_error
    >>> probe = first_packet(4, "udp", 0x0A000001, 0x0A000002, dport=53)
    >>> quoted(icmp_error(probe, src=0x0A000009, icmp_type=3, icmp_code=3)) == probe
    True
    """
    raw = error.raw[error.transport + _ERROR_HEADER_BYTES :]
    if error.family is Family.IPV4:
        if len(raw) < 20:
            return None
        at, protocol, ttl = (raw[0] & 0x0F) * 4, raw[9], raw[8]
        src, dst = int.from_bytes(raw[12:16], "big"), int.from_bytes(raw[16:20], "big")
        first = not (raw[6] & 0x1F or raw[7])
    else:
        if len(raw) < 40:
            return None
        protocol, at, first = _upper_header(raw)
        src, dst, ttl = int.from_bytes(raw[8:24], "big"), int.from_bytes(raw[24:40], "big"), raw[7]
    sport, dport = _ports(raw, protocol, at) if first else (None, None)
    checksum_at = _checksum_at(raw, protocol, at) if first else 0
    return Packet(raw, error.family, protocol, src, dst, sport, dport, ttl, at, checksum_at)


def requoted(error: Packet, quote: Packet, *, src: int | None = None, dst: int | None = None) -> Packet:
    """The error with another packet inside, between other addresses, its checksums right; its header stays."""
    moved = rewritten(error, src=src, dst=dst)
    at = moved.transport
    message = moved.raw[at : at + 2] + bytes(2) + moved.raw[at + 4 : at + _ERROR_HEADER_BYTES] + quote.raw
    if moved.family is Family.IPV4:
        checksum = internet_checksum(message)
    else:
        checksum = transport_checksum(moved.src, moved.dst, moved.protocol, message)
    return Packet.read(moved.raw[:at] + message[:2] + checksum.to_bytes(2, "big") + message[4:])


def _upper_header(raw: bytes) -> tuple[int, int, bool]:
    """The upper protocol of a quoted IPv6 packet, its offset, and whether its header is in this piece."""
    try:
        protocol, at, place = skip_extensions(raw)
    except MalformedPacket:  # cut short within the extension headers
        return raw[6], 40, False
    return protocol, at, not place >> 3


def _ports(raw: bytes, protocol: int, at: int) -> tuple[int | None, int | None]:
    if protocol in (TCP, UDP) and len(raw) >= at + 4:
        return int.from_bytes(raw[at : at + 2], "big"), int.from_bytes(raw[at + 2 : at + 4], "big")
    if protocol in _ECHOES and len(raw) >= at + 6 and raw[at] in _ECHOES[protocol]:
        identifier = int.from_bytes(raw[at + 4 : at + 6], "big")
        return identifier, identifier
    return None, None


def _checksum_at(raw: bytes, protocol: int, at: int) -> int:
    offset = CHECKSUM_OFFSET.get(protocol)
    if offset is None or len(raw) < at + offset + 2:
        return 0
    unused = protocol == UDP and not (raw[at + 6] or raw[at + 7])  # RFC 768: zero means none
    return 0 if unused else at + offset
