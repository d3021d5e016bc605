"""The layouts of IPv4, IPv6, TCP, UDP, ICMP and ICMPv6 on the wire, and the strict reading of them.

What a router can carry is read here once, so that the rest of the house works with numbers.  Refused with a
reason, besides what the standards call wrong: source routing (the transport checksum would cover another
destination than the header's) and jumbograms (RFC 2675).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from dsflow.net.address import Family
from dsflow.net.checksum import internet_checksum, transport_checksum

__all__ = [
    "ICMP",
    "ICMPV6",
    "TCP",
    "UDP",
    "Fields",
    "MalformedPacket",
    "UnmodelledPacket",
    "bad_checksums",
    "extension_headers",
    "fragment_header",
    "is_fragment",
    "next_header_offset",
    "parse_fields",
    "protocol_name",
    "protocol_number",
    "sums_up",
    "trimmed",
    "upper_flaw",
]

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMPV6: Final = 58
"""Assigned Internet protocol numbers (IANA)."""

HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS = 0, 43, 44, 60
"""The extension headers between the IPv6 header and the upper layer (RFC 8200 section 4)."""

ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST_V6, ECHO_REPLY_V6 = 128, 129
"""Types of ICMP (RFC 792) and ICMPv6 (RFC 4443) messages."""

CHECKSUM_OFFSET = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
"""Where the checksum stands in an upper header."""

_EXTENSIONS = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS})
_SOURCE_ROUTES = frozenset({131, 137})  # the loose and the strict source route option of RFC 791
_ECHOES = {ICMP: (ECHO_REQUEST, ECHO_REPLY), ICMPV6: (ECHO_REQUEST_V6, ECHO_REPLY_V6)}
_SHORTEST = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}
_NAMES = {
    Family.IPV4: {TCP: "tcp", UDP: "udp", ICMP: "icmp"},
    Family.IPV6: {TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6"},
}
_WORDS = {number: name for names in _NAMES.values() for number, name in names.items()}
_NUMBERS = {
    Family.IPV4: {"tcp": TCP, "udp": UDP, "icmp": ICMP},
    Family.IPV6: {"tcp": TCP, "udp": UDP, "icmp": ICMPV6, "icmpv6": ICMPV6},
}


class MalformedPacket(ValueError):  # noqa: N818 - a noun for what the bytes are
    """Bytes that are no IP packet, or one that no router would carry: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnmodelledPacket(MalformedPacket):
    """A packet that real routers may carry, but that is refused here."""


class Fields(NamedTuple):
    """What the bytes of a packet say, in the order in which a ``Packet`` takes it."""

    family: Family
    protocol: int
    src: int
    dst: int
    sport: int | None
    dport: int | None
    ttl: int
    transport: int
    checksum_at: int


class _Upper(NamedTuple):
    """The ports (or the echo identifier, twice) and where the upper checksum stands, 0 for nowhere."""

    sport: int | None = None
    dport: int | None = None
    checksum_at: int = 0


_NOTHING = _Upper()


def trimmed(raw: bytes) -> bytes:
    """The packet without what follows it on the wire: Ethernet fills short frames up, and receivers cut that off.

    >>> len(trimmed(bytes((0x45, 0, 0, 20)) + bytes(26)))
    20
    """
    if len(raw) >= 20 and raw[0] >> 4 == 4:
        return raw[: int.from_bytes(raw[2:4], "big")] if int.from_bytes(raw[2:4], "big") >= 20 else raw
    if len(raw) >= 40 and raw[0] >> 4 == 6:
        return raw[: 40 + int.from_bytes(raw[4:6], "big")]
    return raw


def protocol_name(family: int, number: int) -> str | int:
    """The name of a protocol that dsflow knows in this family, else its number.

    >>> protocol_name(6, 58), protocol_name(4, 58)
    ('icmpv6', 58)
    """
    return _NAMES[Family(family)].get(number, number)


def protocol_number(family: int, name: str) -> int:
    """The number of tcp, udp or icmp; ``icmp`` means ICMPv6 in IPv6.

    >>> protocol_number(6, "icmp")
    58
    """
    try:
        return _NUMBERS[Family(family)][name]
    except KeyError:
        known = ", ".join(_NUMBERS[Family(family)])
        raise ValueError(f'"{name}": expected one of {known} in {Family(family).title}') from None


def parse_fields(raw: bytes, *, check: bool = True, upper: bool = True) -> Fields:
    """The fields of a whole IP packet.

    ``check=False`` leaves the IPv4 header checksum unlooked at, ``upper=False`` takes the upper header as it is:
    where it is no good there are no ports, or the ports of what is there, and no checksum.

    Raises
    ------
    MalformedPacket
        For anything else than a whole, well-formed packet of either family.
    """
    version = raw[0] >> 4 if raw else None
    if version == 4:
        return _parse_ipv4(raw, check, upper)
    if version == 6:
        return _parse_ipv6(raw, upper)
    raise MalformedPacket("version", f"found {version}, expected 4 or 6")


def _parse_ipv4(raw: bytes, check: bool, strict: bool) -> Fields:
    """RFC 791 section 3.1, checked in the order of RFC 1812 section 5.2.2."""
    size = len(raw)
    if size < 20:
        raise MalformedPacket("ipv4", f"{size} bytes, shorter than a header of 20")
    header = (raw[0] & 0xF) * 4
    if not 20 <= header <= size:
        raise MalformedPacket("ipv4.header_length", f"found {header} bytes in a packet of {size}")
    if check and internet_checksum(raw[:header]):
        raise MalformedPacket("ipv4.checksum", "does not match the header")
    total = int.from_bytes(raw[2:4], "big")
    if total != size:
        raise MalformedPacket("ipv4.total_length", f"found {total} in a packet of {size} bytes")
    if header > 20:
        _check_options(raw[20:header])
    place = int.from_bytes(raw[6:8], "big")
    protocol = raw[9]
    opaque = place & 0x1FFF or protocol == ICMPV6
    upper = _NOTHING if opaque else _parse_upper(raw, protocol, header, cut=bool(place & 0x2000), strict=strict)
    src, dst = int.from_bytes(raw[12:16], "big"), int.from_bytes(raw[16:20], "big")
    ports = upper.sport, upper.dport
    return Fields(Family.IPV4, protocol, src, dst, *ports, raw[8], header, upper.checksum_at)


def _check_options(options: bytes) -> None:
    """Walk the IPv4 options to their end; one that runs over, or asks for a source route, is refused."""
    at = 0
    while at < len(options) and (kind := options[at]) != 0:
        if kind in _SOURCE_ROUTES:
            raise UnmodelledPacket("ipv4.options", "source routing is not modelled")
        length = 1 if kind == 1 else int.from_bytes(options[at + 1 : at + 2], "big")
        if length < (kind != 1) + 1 or at + length > len(options):
            raise UnmodelledPacket("ipv4.options", f"option {kind} without a valid length is not modelled")
        at += length


def _parse_ipv6(raw: bytes, strict: bool) -> Fields:
    """RFC 8200 sections 3 and 4."""
    size = len(raw)
    if size < 40:
        raise MalformedPacket("ipv6", f"{size} bytes, shorter than a header of 40")
    payload = int.from_bytes(raw[4:6], "big")
    if payload != size - 40:
        raise MalformedPacket("ipv6.payload_length", f"found {payload} before {size - 40} bytes")
    protocol, at, place = raw[6], 40, 0
    if protocol in _EXTENSIONS:
        protocol, at, place = skip_extensions(raw)
    opaque = place >> 3 or protocol == ICMP
    upper = _NOTHING if opaque else _parse_upper(raw, protocol, at, cut=bool(place & 1), strict=strict)
    src, dst = int.from_bytes(raw[8:24], "big"), int.from_bytes(raw[24:40], "big")
    ports = upper.sport, upper.dport
    return Fields(Family.IPV6, protocol, src, dst, *ports, raw[7], at, upper.checksum_at)


def skip_extensions(raw: bytes) -> tuple[int, int, int]:
    """The upper protocol, its offset, and the offset field of a fragment header (0 without one).

    What follows the fragment header of a later fragment is payload, whatever its next header says.
    """
    protocol, at, place, fragmented = raw[6], 40, 0, False
    while protocol in _EXTENSIONS and not place >> 3:
        if protocol == HOP_BY_HOP and at != 40:
            raise MalformedPacket("ipv6.hop_by_hop", "may only follow the IPv6 header")
        header = raw[at : at + 8]
        length = 8 if protocol == FRAGMENT else (header[1] + 1) * 8 if len(header) == 8 else 8
        if at + length > len(raw):
            raise MalformedPacket("ipv6.extension", f"header {protocol} runs over the end of the packet")
        if protocol == ROUTING and header[3]:
            raise UnmodelledPacket("ipv6.routing", "source routing is not modelled")
        if protocol == FRAGMENT:
            if fragmented:
                raise MalformedPacket("ipv6.fragment", "a second fragment header")
            place, fragmented = int.from_bytes(header[2:4], "big") & 0xFFF9, True
            if (place & 0xFFF8) + len(raw) - at - 8 > 0xFFFF:
                raise UnmodelledPacket("ipv6.fragment", "the answer to a fragment that ends too late is not modelled")
        protocol, at = header[0], at + length
    return protocol, at, place


def extension_headers(raw: bytes) -> Iterator[tuple[int, int]]:
    """The kind and offset of each extension header of a well-formed IPv6 packet.

    The last one of a later fragment is the fragment header: what follows is payload.
    """
    kind, at = raw[6], 40
    while kind in _EXTENSIONS:
        yield kind, at
        if kind == FRAGMENT and (raw[at + 2] or raw[at + 3] & 0xF8):
            return
        length = 8 if kind == FRAGMENT else (raw[at + 1] + 1) * 8
        kind, at = raw[at], at + length


def fragment_header(raw: bytes) -> int | None:
    """The offset of the fragment header in a well-formed IPv6 packet, or None."""
    return next((at for kind, at in extension_headers(raw) if kind == FRAGMENT), None)


def next_header_offset(raw: bytes) -> int:
    """Where a well-formed IPv6 packet names its upper protocol: what an ICMPv6 parameter problem points at.

    >>> next_header_offset(bytes((0x60, 0, 0, 0, 0, 0, 253, 64)) + bytes(32))
    6
    """
    *_, last = ((6, 0), *((at, kind) for kind, at in extension_headers(raw)))
    return last[0]


def is_fragment(raw: bytes) -> bool:
    """Whether a well-formed packet is a piece of a longer one, the first piece included.

    An IPv6 packet whose fragment header says that it is all there is (RFC 6946) is none.
    """
    if raw[0] >> 4 == 4:
        return bool(raw[6] & 0x3F or raw[7])
    at = fragment_header(raw)
    return at is not None and bool(raw[at + 2] or raw[at + 3] & 0xF9)


def _parse_upper(raw: bytes, protocol: int, at: int, *, cut: bool, strict: bool) -> _Upper:
    """Ports and the place of the checksum; ``cut`` says that later fragments hold the rest."""
    try:
        return _read_upper(raw, protocol, at, cut)
    except MalformedPacket:
        if strict:
            raise
        return _Upper(*_ports(raw, at)) if protocol in (TCP, UDP) and len(raw) >= at + 4 else _NOTHING


def _read_upper(raw: bytes, protocol: int, at: int, cut: bool) -> _Upper:
    """Of a first fragment that does not hold the whole upper header (RFC 1858): the ports, if they are there."""
    shortest = _SHORTEST.get(protocol)
    if shortest is None:
        return _NOTHING
    room = len(raw) - at
    if room < shortest and cut:
        return _Upper(*_ports(raw, at)) if protocol in (TCP, UDP) and room >= 4 else _NOTHING
    if room < shortest:
        raise MalformedPacket(_WORDS[protocol], f"{room} bytes, shorter than a header of {shortest}")
    if protocol == TCP:
        return _read_tcp(raw, at, 0xFFFF if cut else room)
    if protocol == UDP:
        return _read_udp(raw, at, 0xFFFF if cut else room)
    return _read_icmp(raw, at, _ECHOES[protocol])


def _read_tcp(raw: bytes, at: int, room: int) -> _Upper:
    header = (raw[at + 12] >> 4) * 4
    if not 20 <= header <= room:
        raise MalformedPacket("tcp.data_offset", f"found {header} bytes in a segment of {room}")
    return _Upper(*_ports(raw, at), at + CHECKSUM_OFFSET[TCP])


def _read_udp(raw: bytes, at: int, room: int) -> _Upper:
    """A checksum of zero means that there is none (RFC 768), so it has no place."""
    length = int.from_bytes(raw[at + 4 : at + 6], "big")
    if not 8 <= length <= room:
        raise MalformedPacket("udp.length", f"found {length} in {room} bytes")
    return _Upper(*_ports(raw, at), at + 6 if raw[at + 6] or raw[at + 7] else 0)


def _read_icmp(raw: bytes, at: int, echoes: tuple[int, int]) -> _Upper:
    if raw[at] not in echoes:
        return _Upper(checksum_at=at + 2)
    identifier = int.from_bytes(raw[at + 4 : at + 6], "big")
    return _Upper(identifier, identifier, at + 2)


def _ports(raw: bytes, at: int) -> tuple[int, int]:
    ports = int.from_bytes(raw[at : at + 4], "big")
    return ports >> 16, ports & 0xFFFF


def upper_flaw(raw: bytes) -> MalformedPacket | None:
    """What is wrong behind the IP header of a packet that a router would carry; only its receiver minds.

    The field ends in ``.checksum`` where the sum is wrong, and is ``udp.no_checksum`` where IPv6 has none (RFC 8200
    section 8.1).  Fragments are not looked into.
    """
    try:
        fields = parse_fields(raw)
    except MalformedPacket as error:
        return error
    if _upper_checksum_holds(raw, fields):
        return None
    name = protocol_name(fields.family, fields.protocol)
    if not fields.checksum_at:
        return MalformedPacket("udp.no_checksum", "a zero, which IPv6 does not allow")
    return MalformedPacket(f"{name}.checksum", "it does not hold")


def sums_up(raw: bytes) -> bool:
    """Whether all that follows the IP header would do as a message with a checksum, whatever its protocol.

    In IPv4 with the IP header, in IPv6 with a pseudo-header: what nf_reject asks of a protocol that it does not know.
    """
    fields = parse_fields(raw, upper=False)
    message = raw[fields.transport :]
    if fields.family is Family.IPV4:
        return internet_checksum(raw) == 0
    return transport_checksum(fields.src, fields.dst, fields.protocol, message) == 0


def bad_checksums(raw: bytes) -> tuple[str, ...]:
    """The protocols of the packet whose checksum is wrong, the outer one first.

    Of a fragment only the IPv4 header can be checked.  IPv4 allows UDP to go without (a zero), IPv6 does not
    (RFC 8200 section 8.1).

    Raises
    ------
    MalformedPacket
        When there is more wrong with the packet than its checksums.
    """
    fields = parse_fields(raw, check=False)
    header = fields.transport if fields.family is Family.IPV4 else 0
    wrong = ["ipv4"] if internet_checksum(raw[:header]) and header else []
    if not _upper_checksum_holds(raw, fields):
        wrong.append(str(protocol_name(fields.family, fields.protocol)))
    return tuple(wrong)


def _upper_checksum_holds(raw: bytes, fields: Fields) -> bool:
    if is_fragment(raw):
        return True
    at = fields.transport
    if not fields.checksum_at:
        return not (fields.family is Family.IPV6 and fields.protocol == UDP)
    if fields.protocol == ICMP:
        return internet_checksum(raw[at:]) == 0
    end = at + int.from_bytes(raw[at + 4 : at + 6], "big") if fields.protocol == UDP else len(raw)
    return transport_checksum(fields.src, fields.dst, fields.protocol, raw[at:end]) == 0
