"""Packets of any kind, good or bad, from a few numbers: what random probes are made of.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from dsflow.net.address import Address, Family
from dsflow.net.checksum import internet_checksum, transport_checksum
from dsflow.net.wire import CHECKSUM_OFFSET, ICMP, UDP

__all__ = ["Craft", "crafted", "echo", "mended", "segment", "udp_datagram"]

_IPV4 = Struct("!BBHHHBBH4s4s")
_IPV6 = Struct("!IHBB16s16s")
_TCP = Struct("!HHIIBBHHH")
_UDP = Struct("!HHHH")
_ECHO = Struct("!BBHHH")
_DONT_FRAGMENT = 0x4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Craft:
    """The header of a packet and what it carries, the upper checksum still zero."""

    src: Address
    dst: Address
    protocol: int
    message: bytes
    ttl: int = 64
    dont_fragment: bool = False
    identification: int = 0
    tos: int = 0
    flow_label: int = 0


def crafted(craft: Craft, *, sums: bool = True) -> bytes:
    """The bytes of the packet; ``sums=False`` leaves the upper checksum as the message has it.

    >>> one, other = Address.parse("10.0.0.1"), Address.parse("10.0.0.2")
    >>> len(crafted(Craft(src=one, dst=other, protocol=UDP, message=udp_datagram(1000, 53, 12))))
    40
    """
    message = _summed(craft) if sums else craft.message
    if craft.dst.family is Family.IPV4:
        return _ipv4(craft, len(message)) + message
    first = 6 << 28 | craft.tos << 20 | craft.flow_label
    return _IPV6.pack(first, len(message), craft.protocol, craft.ttl, craft.src.packed, craft.dst.packed) + message


def _ipv4(craft: Craft, payload_bytes: int) -> bytes:
    flags = _DONT_FRAGMENT if craft.dont_fragment else 0
    fields = (0x45, craft.tos, 20 + payload_bytes, craft.identification, flags, craft.ttl, craft.protocol)
    return mended(_IPV4.pack(*fields, 0, craft.src.packed, craft.dst.packed))


def mended(packet: bytes) -> bytes:
    """An IPv4 packet with its header checksum made right."""
    size = (packet[0] & 0x0F) * 4
    bare = packet[:10] + bytes(2) + packet[12:]
    return packet[:10] + internet_checksum(bare[:size]).to_bytes(2, "big") + packet[12:]


def _summed(craft: Craft) -> bytes:
    at = CHECKSUM_OFFSET.get(craft.protocol)
    if at is None or len(craft.message) < at + 2:
        return craft.message
    if craft.protocol == ICMP:
        checksum = internet_checksum(craft.message)
    else:
        checksum = transport_checksum(craft.src.value, craft.dst.value, craft.protocol, craft.message)
    if craft.protocol == UDP and not checksum:
        checksum = 0xFFFF  # RFC 768: a zero means none
    return craft.message[:at] + checksum.to_bytes(2, "big") + craft.message[at + 2 :]


def udp_datagram(sport: int, dport: int, payload_bytes: int) -> bytes:
    """A datagram of bytes that differ."""
    return _UDP.pack(sport, dport, 8 + payload_bytes, 0) + _payload(payload_bytes)


def segment(sport: int, dport: int, flags: int, sequence: int, acknowledged: int, payload_bytes: int = 0) -> bytes:
    """A TCP segment without options."""
    return _TCP.pack(sport, dport, sequence, acknowledged, 0x50, flags, 64240, 0, 0) + _payload(payload_bytes)


def echo(family: Family, identifier: int, sequence: int, payload_bytes: int, *, reply: bool = False) -> bytes:
    """An echo request, or a reply that nobody asked for."""
    kind = (0 if reply else 8) if family is Family.IPV4 else 129 if reply else 128
    return _ECHO.pack(kind, 0, 0, identifier, sequence) + _payload(payload_bytes)


def _payload(size: int) -> bytes:
    return bytes(number & 0xFF for number in range(size))
