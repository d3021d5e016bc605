"""One IP packet as a walk carries it: the bytes, and the numbers that decisions need.

A packet is never edited; each rewriting gives a new one, with its checksums brought up to date from what
changed (RFC 1624) and not from a sum over the whole.  So a wrong checksum stays wrong, as it does when a
real router or NAT handles the packet.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from dsflow.net.address import Family, format_address
from dsflow.net.wire import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    MalformedPacket,
    UnmodelledPacket,
    bad_checksums,
    is_fragment,
    parse_fields,
    protocol_name,
    trimmed,
)

__all__ = [
    "Header",
    "Icmp",
    "MalformedPacket",
    "Packet",
    "UnmodelledPacket",
    "UnreadablePacket",
    "address_text",
    "bad_checksums",
    "decremented",
    "read_header",
    "rewritten",
]

_TTL4 = Struct("!BBH")  # time to live, protocol, checksum
_ADDRESSES4 = Struct("!HII")  # checksum, source, destination
_PORTS = Struct("!HH")
_WORD = Struct("!H")
_ICMP = Struct("!BBHHH")  # type, code, checksum, identifier, sequence number
_BYTE = tuple(bytes((number,)) for number in range(256))


class Packet:
    """One IP packet, treated as immutable; equal to another of the same bytes.

    Attributes
    ----------
    raw : bytes
        The whole packet from the IP header on.
    family : Family
    protocol : int
        Of the upper layer; in IPv6 after hop-by-hop, routing, fragment and destination options.
    src, dst : int
    sport, dport : int or None
        Of TCP and UDP; the identifier, twice, of an ICMP echo, because that is what a NAT rewrites
        (RFC 5508 section 3.1).  None for the rest, and for a fragment that does not hold the upper header.
    ttl : int
        Time to live or hop limit.
    transport : int
        Where the upper header begins in ``raw``.
    checksum_at : int
        Where the upper checksum stands in ``raw``; 0 where it is absent, not known or not in this fragment.

    >>> from dsflow.net.build import first_packet
    >>> packet = first_packet(4, "udp", 0x0A000001, 0x0A000002, dport=53)
    >>> packet
    Packet(udp 10.0.0.1:40000 > 10.0.0.2:53, ttl 64, 60 bytes)
    >>> Packet.parse(packet.raw) == packet
    True
    """

    __slots__ = (
        "checksum_at",
        "dport",
        "dst",
        "family",
        "protocol",
        "raw",
        "sport",
        "src",
        "transport",
        "ttl",
    )

    def __init__(
        self,
        raw: bytes,
        family: Family,
        protocol: int,
        src: int,
        dst: int,
        sport: int | None,
        dport: int | None,
        ttl: int,
        transport: int,
        checksum_at: int,
    ) -> None:
        self.raw = raw
        self.family = family
        self.protocol = protocol
        self.src = src
        self.dst = dst
        self.sport = sport
        self.dport = dport
        self.ttl = ttl
        self.transport = transport
        self.checksum_at = checksum_at

    @classmethod
    def parse(cls, raw: bytes) -> Packet:
        """The packet that the bytes are.

        Raises
        ------
        MalformedPacket
            When they are none: too short, a wrong version or length, a bad IPv4 header checksum.  A wrong
            checksum of the upper layer is no reason (see ``bad_checksums``): routers do not look.
        """
        raw = bytes(raw)
        return cls(raw, *parse_fields(raw))

    @classmethod
    def read(cls, raw: bytes) -> Packet:
        """The packet as the wire carries it, whatever is wrong with it; what follows it in its frame is cut off.

        A damaged upper header is the receiver's business; bytes that are no IP packet give an
        :class:`UnreadablePacket`.

        Raises
        ------
        UnmodelledPacket
            For source routing, which is not modelled.
        """
        raw = trimmed(bytes(raw))
        try:
            return cls(raw, *parse_fields(raw, upper=False))
        except UnmodelledPacket:
            raise
        except MalformedPacket as flaw:
            return UnreadablePacket(raw, flaw)

    @property
    def length(self) -> int:
        """The size of the whole packet in bytes."""
        return len(self.raw)

    @property
    def dont_fragment(self) -> bool:
        """Whether routers must not fragment it: the DF bit, and always in IPv6."""
        return self.family is Family.IPV6 or bool(self.raw[6] & 0x40)

    @property
    def is_fragment(self) -> bool:
        """Whether it is a piece of a longer packet, the first piece included."""
        return is_fragment(self.raw)

    @property
    def icmp_type(self) -> int | None:
        """The type of an ICMP or ICMPv6 message, else None."""
        return self.raw[self.transport] if self._has_icmp else None

    @property
    def icmp_code(self) -> int | None:
        """The code of an ICMP or ICMPv6 message, else None."""
        return self.raw[self.transport + 1] if self._has_icmp else None

    @property
    def tcp_flags(self) -> int:
        """The eight flags of a TCP segment, FIN the lowest bit; 0 where there is no TCP header."""
        at = self.transport + 13
        return self.raw[at] if self.protocol == TCP and self.sport is not None and at < len(self.raw) else 0

    @property
    def _has_icmp(self) -> bool:
        return self.checksum_at != 0 and self.protocol in (ICMP, ICMPV6)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Packet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        header = read_header(self)
        src, dst = _end(header.src, header.sport), _end(header.dst, header.dport)
        return f"Packet({header.protocol} {src} > {dst}, ttl {header.ttl}, {header.length} bytes)"


class UnreadablePacket(Packet):
    """Bytes that were sent and are no IP packet; ``flaw`` says why.  What can be read of the header is there."""

    __slots__ = ("flaw",)

    def __init__(self, raw: bytes, flaw: MalformedPacket) -> None:
        head = raw.ljust(40, b"\0")
        ipv6 = head[0] >> 4 == 6
        src, dst = (head[8:24], head[24:40]) if ipv6 else (head[12:16], head[16:20])
        super().__init__(
            raw,
            Family.IPV6 if ipv6 else Family.IPV4,
            head[6] if ipv6 else head[9],
            int.from_bytes(src, "big"),
            int.from_bytes(dst, "big"),
            None,
            None,
            head[7] if ipv6 else head[8],
            len(raw),
            0,
        )
        self.flaw = flaw

    @property
    def has_header(self) -> bool:
        """Whether version and length let addresses be read."""
        return bool(self.raw) and len(self.raw) >= {4: 20, 6: 40}.get(self.raw[0] >> 4, len(self.raw) + 1)


def _end(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def decremented(packet: Packet) -> Packet:
    """The packet as a router sends it on: time to live or hop limit less one.

    The caller has seen to it that the limit was not used up (RFC 1812 section 5.3.1, RFC 8200 section 3).
    """
    raw = packet.raw
    ttl = packet.ttl - 1
    if packet.family is Family.IPV4:
        checksum = (raw[10] << 8 | raw[11]) + 0x100  # RFC 1624: the word of TTL and protocol fell by 0x100
        raw = raw[:8] + _TTL4.pack(ttl, raw[9], checksum % 0xFFFF) + raw[12:]
    else:
        raw = raw[:7] + _BYTE[ttl] + raw[8:]
    return Packet(
        raw,
        packet.family,
        packet.protocol,
        packet.src,
        packet.dst,
        packet.sport,
        packet.dport,
        ttl,
        packet.transport,
        packet.checksum_at,
    )


def rewritten(
    packet: Packet,
    *,
    src: int | None = None,
    dst: int | None = None,
    sport: int | None = None,
    dport: int | None = None,
) -> Packet:
    """The packet with other addresses or ports, as a NAT sends it on.

    For an ICMP echo ``sport`` or ``dport`` is the new identifier.  What is left None stays.  Of a
    fragmented packet only the piece with the upper header carries ports and a checksum to update.

    Raises
    ------
    ValueError
        For a port of a packet without ports, or for two different identifiers of one echo.
    """
    raw = bytearray(packet.raw)
    new_src = packet.src if src is None else src
    new_dst = packet.dst if dst is None else dst
    moved = packet.src + packet.dst - new_src - new_dst  # old less new, as checksums want it (RFC 1624)
    protocol, at = packet.protocol, packet.checksum_at
    if packet.family is Family.IPV4:
        _ADDRESSES4.pack_into(raw, 10, ((raw[10] << 8 | raw[11]) + moved) % 0xFFFF, new_src, new_dst)
    else:
        raw[8:40] = (new_src << 128 | new_dst).to_bytes(32, "big")
    if protocol == ICMP:
        moved = 0  # no pseudo-header (RFC 792)
    new_sport, new_dport = packet.sport, packet.dport
    if sport is not None or dport is not None:
        if new_sport is None or new_dport is None:
            raise ValueError(f"{packet}: has no ports to rewrite")
        if protocol in (ICMP, ICMPV6):
            identifier = _identifier(sport, dport)
            _WORD.pack_into(raw, packet.transport + 4, identifier)
            moved += new_sport - identifier
            new_sport = new_dport = identifier
        else:
            moved += new_sport + new_dport
            new_sport = new_sport if sport is None else sport
            new_dport = new_dport if dport is None else dport
            moved -= new_sport + new_dport
            _PORTS.pack_into(raw, packet.transport, new_sport, new_dport)
    if at and moved:
        checksum = ((raw[at] << 8 | raw[at + 1]) + moved) % 0xFFFF
        _WORD.pack_into(raw, at, checksum or _zero(protocol, raw, at))
    return Packet(
        bytes(raw),
        packet.family,
        protocol,
        new_src,
        new_dst,
        new_sport,
        new_dport,
        packet.ttl,
        packet.transport,
        at,
    )


def _zero(protocol: int, raw: bytearray, at: int) -> int:
    """How a sum without remainder is sent: in UDP a 0 would mean "none" (RFC 768).

    The sum over nothing but zeros is 0xFFFF too, and an echo reply of ICMP can be that, as no
    pseudo-header is added there.
    """
    empty = protocol == ICMP and not any(raw[at - 2 : at]) and not any(raw[at + 2 :])
    return 0xFFFF if empty or protocol == UDP else 0


def _identifier(sport: int | None, dport: int | None) -> int:
    identifier = dport if sport is None else sport
    if identifier is None or dport not in (None, identifier):
        raise ValueError(f"{sport} and {dport}: an ICMP echo has one identifier")
    return identifier


class Icmp(NamedTuple):
    """The start of an ICMP or ICMPv6 message; ``id`` and ``seq`` belong to echoes."""

    type: int
    code: int
    id: int | None = None
    seq: int | None = None


class Header(NamedTuple):
    """What a trace shows of a packet: texts and numbers, sizes in bytes."""

    src: str
    dst: str
    sport: int | None
    dport: int | None
    protocol: str | int
    ttl: int
    length: int
    icmp: Icmp | None = None

    def to_json(self) -> dict[str, Any]:
        """The header as the trace's JSON has it: ``icmp`` only where there is one."""
        fields = self._asdict()
        if self.icmp is None:
            del fields["icmp"]
        else:
            fields["icmp"] = self.icmp._asdict()
        return fields


address_text = lru_cache(maxsize=4096)(format_address)
"""The canonical text of an address given as two numbers; remembered, as traces repeat few addresses."""


def read_header(packet: Packet) -> Header:
    """The header of a packet; an ICMP message has no ports here.

    >>> from dsflow.net.build import first_packet
    >>> read_header(first_packet(6, "icmp", 1, 2)).to_json()  # doctest: +NORMALIZE_WHITESPACE
    {'src': '::1', 'dst': '::2', 'sport': None, 'dport': None, 'protocol': 'icmpv6', 'ttl': 64,
     'length': 80, 'icmp': {'type': 128, 'code': 0, 'id': 1, 'seq': 1}}
    """
    icmp = _read_icmp(packet)
    return Header(
        address_text(packet.family, packet.src),
        address_text(packet.family, packet.dst),
        packet.sport if icmp is None else None,
        packet.dport if icmp is None else None,
        protocol_name(packet.family, packet.protocol),
        packet.ttl,
        len(packet.raw),
        icmp,
    )


def _read_icmp(packet: Packet) -> Icmp | None:
    if packet.icmp_type is None:
        return None
    at = packet.transport
    kind, code, _, identifier, sequence = _ICMP.unpack_from(packet.raw, at)
    return Icmp(kind, code, identifier, sequence) if packet.sport is not None else Icmp(kind, code)
