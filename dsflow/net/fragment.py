"""Fragmentation and reassembly in both families.

Whether a packet may be fragmented is the caller's decision (DF in IPv4; in IPv6 the source alone does it);
what the pieces look like is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from dsflow.net.address import Family
from dsflow.net.checksum import internet_checksum
from dsflow.net.packet import MalformedPacket, Packet
from dsflow.net.wire import DESTINATION_OPTIONS, FRAGMENT, extension_headers, fragment_header

__all__ = ["datagram_key", "divided_like", "fragment", "overlap", "reassemble"]

_MORE = 0x2000  # in the third word of an IPv4 header: "more fragments"
_OFFSET = 0x1FFF
_DONT_FRAGMENT = 0x4000
_COPIED = 0x80  # in the type of an IPv4 option: it goes into every fragment


class _Piece(NamedTuple):
    """A part of a datagram's payload, its place in bytes, and whether more follows."""

    offset: int
    payload: bytes
    more: bool


def fragment(packet: Packet, mtu_bytes: int, *, identification: int = 0) -> tuple[Packet, ...]:
    """The packet in pieces of at most ``mtu_bytes`` each, in order; the packet alone if it fits.

    Every piece but the last carries a multiple of 8 bytes; a fragment is cut further with offsets and "more
    fragments" right.  IPv4 (RFC 791 section 3.2) keeps the identification and the DF bit as found.  IPv6
    (RFC 8200 section 4.5) gets a fragment header behind the headers that routers read.

    Parameters
    ----------
    packet
        A whole packet or a fragment.
    mtu_bytes
        The longest IP packet that passes.
    identification
        What the IPv6 fragment header says, unless the packet has one already.

    Raises
    ------
    ValueError
        When the MTU leaves no room for 8 bytes behind the headers.

    >>> from dsflow.net.build import first_packet
    >>> [piece.length for piece in fragment(first_packet(4, "udp", 1, 2, dport=53, size_bytes=3000), 1400)]
    [1396, 1396, 248]
    """
    if len(packet.raw) <= mtu_bytes:
        return (packet,)
    if packet.family is Family.IPV4:
        pieces = _fragment_ipv4(packet, mtu_bytes)
    else:
        pieces = _fragment_ipv6(packet.raw, mtu_bytes, identification)
    return tuple(map(Packet.read, pieces))


def reassemble(fragments: Sequence[Packet]) -> Packet | None:
    """The whole packet, or None while a piece is missing.

    The pieces come in any order and may come twice; pieces that overlap never become a packet (RFC 5722 for
    IPv6, and as Linux has it for IPv4 too).  The header is the first piece's, less the fragment header; IPv4's
    DF is set where it was on the largest piece (ip_frag_reasm).

    Raises
    ------
    ValueError
        When the pieces are not of one datagram, or add up to more than a packet can be.
    """
    if len(set(map(datagram_key, fragments))) > 1:
        raise ValueError("fragments of different datagrams")
    found = {_piece(packet): packet for packet in fragments}
    pieces = sorted(found)
    if not pieces or not _are_whole(pieces):
        return None
    first = found[pieces[0]]
    payload = b"".join(piece.payload for piece in pieces)
    if first.family is Family.IPV6:
        return Packet.read(_whole_ipv6(first.raw, payload))
    largest = max(packet.length for packet in fragments)
    keeps = any(packet.dont_fragment and packet.length == largest for packet in fragments)
    return Packet.read(_whole_ipv4(first.raw, payload, dont_fragment=keeps))


def overlap(fragments: Sequence[Packet]) -> bool:
    """Whether fragments of one datagram cover some of its bytes more than once, but for a piece that came twice.

    >>> from dsflow.net.build import first_packet
    >>> packet = first_packet(4, "udp", 1, 2, dport=53, size_bytes=3000)
    >>> one, other = fragment(packet, 1400), fragment(packet, 1300)
    >>> overlap([one[0], one[2], one[2]]), overlap([one[0], other[1]])
    (False, True)
    """
    pieces = sorted(set(map(_piece, fragments)))
    return any(one.offset + len(one.payload) > other.offset for one, other in pairwise(pieces))


def divided_like(whole: Packet, fragments: Sequence[Packet]) -> tuple[Packet, ...]:
    """The packet cut where the fragments were that it was put together from, its header on each piece.

    As Linux's connection tracking sends on what it has reassembled (ip_do_fragment and ip6_fragment over the
    list of fragments): in order, IPv4 without DF, IPv6 with the fragments' identification.

    >>> from dsflow.net.build import first_packet
    >>> pieces = fragment(first_packet(4, "udp", 1, 2, dport=53, size_bytes=3000), 1400)
    >>> divided_like(reassemble(pieces), pieces) == pieces
    True
    """
    cuts = sorted({_piece(packet)[0] for packet in fragments})
    raw = whole.raw
    if whole.family is Family.IPV4:
        payload = raw[whole.transport :]
        headers = [raw[: whole.transport]] + [_later_header(raw[: whole.transport])] * (len(cuts) - 1)
        pieces = [
            _with_ipv4_place(header, payload[start:end], (_MORE if end < len(payload) else 0) | start // 8)
            for header, start, end in zip(headers, cuts, [*cuts[1:], len(payload)], strict=True)
        ]
        return tuple(map(Packet.read, pieces))
    headers_raw, kind = _per_fragment_headers(raw)
    payload = raw[len(headers_raw) :]
    own = fragment_header(fragments[0].raw)
    assert own is not None
    name = fragments[0].raw[own + 4 : own + 8]
    pieces = [
        _with_ipv6_length(
            headers_raw,
            bytes((kind, 0)) + (start | (end < len(payload))).to_bytes(2, "big") + name + payload[start:end],
        )
        for start, end in zip(cuts, [*cuts[1:], len(payload)], strict=True)
    ]
    return tuple(map(Packet.read, pieces))


def datagram_key(packet: Packet) -> tuple[int, ...]:
    """What the fragments of one datagram share: family, addresses, identification, in IPv4 the protocol.

    RFC 791 section 2.3 and RFC 8200 section 4.5.  A whole IPv6 packet has no identification: -1.
    """
    raw = packet.raw
    if packet.family is Family.IPV4:
        return packet.family, packet.src, packet.dst, int.from_bytes(raw[4:6], "big"), packet.protocol
    at = fragment_header(raw)
    identification = -1 if at is None else int.from_bytes(raw[at + 4 : at + 8], "big")
    return packet.family, packet.src, packet.dst, identification


def _are_whole(pieces: Sequence[_Piece]) -> bool:
    """Whether sorted pieces run from the start to the end without gap or overlap."""
    meet = all(one.more and one.offset + len(one.payload) == other.offset for one, other in pairwise(pieces))
    return meet and pieces[0].offset == 0 and not pieces[-1].more


def _piece(packet: Packet) -> _Piece:
    raw = packet.raw
    if packet.family is Family.IPV4:
        place = int.from_bytes(raw[6:8], "big")
        return _Piece((place & _OFFSET) * 8, raw[packet.transport :], bool(place & _MORE))
    at = fragment_header(raw)
    if at is None:
        return _Piece(0, raw[40:], more=False)
    place = int.from_bytes(raw[at + 2 : at + 4], "big")
    return _Piece(place & 0xFFF8, raw[at + 8 :], bool(place & 1))


def _cuts(size: int, first_room: int, later_room: int) -> Iterator[tuple[int, int]]:
    """Where each piece starts and ends in a payload of ``size`` bytes; all but the last by eights."""
    if min(first_room, later_room) < 8:
        raise ValueError(f"an MTU that leaves {min(first_room, later_room)} bytes of payload: expected 8")
    start, room = 0, first_room
    while size - start > room:
        end = start + room // 8 * 8
        yield start, end
        start, room = end, later_room
    yield start, size


def _fragment_ipv4(packet: Packet, mtu_bytes: int) -> Iterator[bytes]:
    raw, size = packet.raw, packet.transport
    payload = raw[size:]
    place = int.from_bytes(raw[6:8], "big")
    header = raw[:size]
    later = _later_header(header)
    for start, end in _cuts(len(payload), mtu_bytes - size, mtu_bytes - len(later)):
        more = _MORE if end < len(payload) else 0
        yield _with_ipv4_place(header if start == 0 else later, payload[start:end], (place | more) + start // 8)


def _later_header(header: bytes) -> bytes:
    """The header of every fragment but the first: only options with the copied flag, filled up to a word."""
    options, kept, at = header[20:], b"", 0
    while at < len(options) and options[at] != 0:
        length = 1 if options[at] == 1 else options[at + 1]
        if options[at] & _COPIED:
            kept += options[at : at + length]
        at += length
    kept += bytes(-len(kept) % 4)
    return bytes((0x45 + len(kept) // 4,)) + header[1:20] + kept


def _with_ipv4_place(header: bytes, payload: bytes, place: int) -> bytes:
    """The header and payload as one packet, with the flags and offset, length and checksum set."""
    size = len(header) + len(payload)
    if size > 0xFFFF:
        raise MalformedPacket("ipv4.total_length", f"fragments add up to {size} bytes")
    start = header[:2] + size.to_bytes(2, "big") + header[4:6] + place.to_bytes(2, "big") + header[8:10]
    checksum = internet_checksum(start + header[12:])
    return start + checksum.to_bytes(2, "big") + header[12:] + payload


def _whole_ipv4(first: bytes, payload: bytes, *, dont_fragment: bool) -> bytes:
    header = first[: (first[0] & 0xF) * 4]
    place = _DONT_FRAGMENT if dont_fragment else 0
    return _with_ipv4_place(header, payload, place)


def _fragment_ipv6(raw: bytes, mtu_bytes: int, identification: int) -> Iterator[bytes]:
    at = fragment_header(raw)
    if at is None:
        headers, kind = _per_fragment_headers(raw)
        at, payload, base = len(headers), raw[len(headers) :], 0
        name = identification.to_bytes(4, "big")
    else:
        headers, kind, payload = raw[:at], raw[at], raw[at + 8 :]
        base, name = int.from_bytes(raw[at + 2 : at + 4], "big"), raw[at + 4 : at + 8]
    room = mtu_bytes - at - 8
    for start, end in _cuts(len(payload), room, room):
        place = (base | (end < len(payload))) + start
        own = bytes((kind, 0)) + place.to_bytes(2, "big") + name
        yield _with_ipv6_length(headers, own + payload[start:end])


def _per_fragment_headers(raw: bytes) -> tuple[bytes, int]:
    """The headers that every fragment repeats, pointing to a fragment header, and what followed them.

    They end with the routing header, else with the hop-by-hop options, else with the IPv6 header.
    """
    points_at, end = 6, 40
    for kind, at in extension_headers(raw):
        if kind != DESTINATION_OPTIONS:
            points_at, end = at, at + (raw[at + 1] + 1) * 8
    return raw[:points_at] + bytes((FRAGMENT,)) + raw[points_at + 1 : end], raw[points_at]


def _whole_ipv6(first: bytes, payload: bytes) -> bytes:
    at = fragment_header(first)
    if at is None:
        return first
    before = (header_at for _, header_at in extension_headers(first) if header_at < at)
    points_at = max(before, default=6)
    headers = first[:points_at] + first[at : at + 1] + first[points_at + 1 : at]
    return _with_ipv6_length(headers, payload)


def _with_ipv6_length(headers: bytes, payload: bytes) -> bytes:
    size = len(headers) - 40 + len(payload)
    if size > 0xFFFF:
        raise MalformedPacket("ipv6.payload_length", f"fragments add up to {size} bytes")
    return headers[:4] + size.to_bytes(2, "big") + headers[6:] + payload
