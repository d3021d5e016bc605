"""ICMP and ICMPv6 errors: when one may be sent and what it quotes."""

from __future__ import annotations

from struct import Struct

from dsflow.net.address import Family
from dsflow.net.assemble import assembled
from dsflow.net.packet import Packet
from dsflow.net.wire import ICMP, ICMPV6

__all__ = ["OF_THE_LINK", "icmp_error", "is_icmp_error"]

OF_THE_LINK = frozenset({130, 131, 132, 133, 134, 135, 136, 143})
"""The ICMPv6 types that hold a link together: multicast listeners (RFC 2710, RFC 3810), neighbours (RFC 4861)."""

_TOO_BIG = {Family.IPV4: (3, 4), Family.IPV6: (2, 0)}  # type and code: RFC 1191, RFC 4443 section 3.2
_UNKNOWN_OPTION = (4, 2)  # RFC 4443 section 3.4

_ERRORS = frozenset({3, 4, 5, 11, 12})  # RFC 1122 section 3.2.2 counts redirects among them
_NO_ERRORS = frozenset({0, 8, 13, 14, 15, 16, 17, 18})  # net/ipv4/icmp.c
_FIRST_INFORMATION_V6 = 128  # RFC 4443 section 2.1
_REDIRECT_V6 = 137
_PARAMETER_PROBLEM_V6 = 4
_LONGEST = {Family.IPV4: 576, Family.IPV6: 1280}  # RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c)
_ICMP = Struct("!BBHI")  # type, code, checksum, the word that holds an MTU or nothing
_INTERNETWORK_CONTROL = 0xC0


def icmp_error(
    packet: Packet, *, src: int, icmp_type: int, icmp_code: int, word: int = 0, ttl: int = 64
) -> Packet | None:
    """The ICMP (or ICMPv6) error about ``packet`` to its sender, or None where none may be sent.

    It quotes as much of the packet, as it is given, as fits in 576 bytes (RFC 1812 section 4.3.2.3) or 1280
    (RFC 4443 section 2.4 (c)).  In IPv4 it has the precedence of internetwork control (RFC 1812 section
    4.3.2.5).  Not known here, and so left to the caller: rate limits, directed broadcasts, anycast.

    Parameters
    ----------
    packet
        What the error is about, with the TTL it is to be quoted with.
    src
        The address that the error comes from, of the packet's family.
    icmp_type, icmp_code
        In the numbers of the packet's family.
    word
        What follows the checksum, 0 where nothing is said there: for "fragmentation needed" and "packet too big"
        the MTU in bytes, for an ICMPv6 "parameter problem" the offset of the octet in question.

    Raises
    ------
    ValueError
        For a word in a message that has no place for it.

    >>> from dsflow.net.build import first_packet
    >>> ping = first_packet(4, "icmp", 0x0A000001, 0x0A000002)
    >>> icmp_error(ping, src=0x0A000009, icmp_type=11, icmp_code=0)
    Packet(icmp 10.0.0.9 > 10.0.0.1, ttl 64, 88 bytes)
    >>> icmp_error(_, src=0x0A000008, icmp_type=3, icmp_code=1) is None
    True
    """
    message = icmp_type, icmp_code
    problem = packet.family is Family.IPV6 and icmp_type == _PARAMETER_PROBLEM_V6
    if word and not problem and message != _TOO_BIG[packet.family]:
        raise ValueError(f"type {icmp_type} code {icmp_code}: has no field for {word}")
    if _is_forbidden(packet, message):
        return None
    ipv4 = packet.family is Family.IPV4
    room = _LONGEST[packet.family] - (20 if ipv4 else 40) - _ICMP.size
    return assembled(
        packet.family,
        ICMP if ipv4 else ICMPV6,
        src,
        packet.src,
        _ICMP.pack(icmp_type, icmp_code, 0, word) + packet.raw[:room],
        ports=(None, None),
        ttl=ttl,
        traffic_class=packet.raw[1] & 0x1E | _INTERNETWORK_CONTROL if ipv4 else 0,
    )


def is_icmp_error(packet: Packet) -> bool:
    """Whether the packet is an ICMP error, or an ICMPv6 error or redirect: none may be sent about it."""
    if packet.icmp_type is None:
        return False
    if packet.family is Family.IPV4:
        return packet.icmp_type in _ERRORS
    return packet.icmp_type < 128 or packet.icmp_type == _REDIRECT_V6


def _is_forbidden(packet: Packet, message: tuple[int, int]) -> bool:
    """Whether nobody may be told: of an error, of what Linux does not know to be none, and by the rules of each family.

    Linux's list of what asks or answers is ``icmp_pointers`` in IPv4; in IPv6 it goes by the number alone.
    """
    kind = packet.icmp_type
    if packet.family is Family.IPV4:
        return (kind is not None and kind not in _NO_ERRORS) or _is_forbidden_ipv4(packet)
    return (kind is not None and kind < _FIRST_INFORMATION_V6) or _is_forbidden_ipv6(packet, message)


def _is_forbidden_ipv4(packet: Packet) -> bool:
    """RFC 1122 section 3.2.2 and RFC 1812 section 4.3.2.7, as far as the packet alone tells."""
    later_fragment = (packet.raw[6] & 0x1F) << 8 | packet.raw[7]
    many = packet.dst >> 28 == 0xE or packet.dst == 0xFFFF_FFFF
    nobody = packet.src in (0, 0xFFFF_FFFF) or packet.src >> 24 == 127 or packet.src >> 28 == 0xE
    return bool(later_fragment) or many or nobody


def _is_forbidden_ipv6(packet: Packet, message: tuple[int, int]) -> bool:
    """RFC 4443 section 2.4 (e): path MTU discovery and unknown options are told even about multicast."""
    multicast = packet.dst >> 120 == 0xFF
    told = message in (_TOO_BIG[Family.IPV6], _UNKNOWN_OPTION)
    nobody = packet.src == 0 or packet.src >> 120 == 0xFF
    return nobody or (multicast and not told)
