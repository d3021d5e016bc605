"""What is refused as malformed, and why."""

from __future__ import annotations

import pytest

from dsflow.net.build import first_packet
from dsflow.net.packet import MalformedPacket, Packet, bad_checksums
from dsflow.net.wire import extension_headers, protocol_name, protocol_number
from tests.strategies import with_extensions, with_ipv4_options

UDP4 = first_packet(4, "udp", 0x0A000001, 0x0A000002, dport=53)
UDP6 = first_packet(6, "udp", 1, 2, dport=53)
TCP4 = first_packet(4, "tcp", 0x0A000001, 0x0A000002, dport=80)


def patched(packet: Packet, at: int, new: bytes) -> bytes:
    """The bytes with others at one place, the IPv4 header checksum made right again."""
    raw = packet.raw[:at] + new + packet.raw[at + len(new) :]
    if packet.family == 4:
        total = sum(
            int.from_bytes(raw[place : place + 2], "big") for place in range(0, packet.transport, 2) if place != 10
        )
        raw = raw[:10] + (-total % 0xFFFF).to_bytes(2, "big") + raw[12:]
    return raw


def extended(chain: bytes, kind: int) -> bytes:
    """An IPv6 UDP packet with this chain of extension headers, the first of them of this kind."""
    size = (UDP6.length - 40 + len(chain)).to_bytes(2, "big")
    return UDP6.raw[:4] + size + bytes((kind,)) + UDP6.raw[7:40] + chain + UDP6.raw[40:]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "version"),
        (b"\x55" + bytes(39), "version"),
        (UDP4.raw[:19], "ipv4"),
        (patched(UDP4, 0, b"\x44"), "ipv4.header_length"),
        (b"\x4f" + UDP4.raw[1:40], "ipv4.header_length"),
        (UDP4.raw[:8] + b"\x01" + UDP4.raw[9:], "ipv4.checksum"),
        (UDP4.raw[:-1], "ipv4.total_length"),
        (UDP4.raw + b"\0", "ipv4.total_length"),
        (UDP6.raw[:39], "ipv6"),
        (UDP6.raw[:-1], "ipv6.payload_length"),
        (UDP6.raw + b"\0", "ipv6.payload_length"),
        (extended(b"\x11\x09" + bytes(6), 60), "ipv6.extension"),
        (UDP6.raw[:4] + b"\0\x04\x3c" + UDP6.raw[7:44], "ipv6.extension"),
        (extended(b"\x00\0\x01\x04\0\0\0\0\x11\0\x01\x04\0\0\0\0", 60), "ipv6.hop_by_hop"),
        (extended(b"\x11\0\0\x01\0\0\0\0", 43), "ipv6.routing"),
        (extended(b"\x2c\0\0\0\0\0\0\x05\x11\0\0\0\0\0\0\x05", 44), "ipv6.fragment"),
        (extended(b"\x11\0\xff\xf8\0\0\0\x05", 44), "ipv6.fragment"),
        (patched(UDP4, 24, b"\0\x07"), "udp.length"),
        (patched(UDP4, 24, b"\0\x29"), "udp.length"),
        (patched(TCP4, 32, b"\x40"), "tcp.data_offset"),
        (patched(TCP4, 32, b"\x60"), "tcp.data_offset"),
        (patched(UDP4, 2, b"\0\x1b")[:27], "udp"),
        (patched(TCP4, 2, b"\0\x27")[:39], "tcp"),
        (UDP6.raw[:4] + b"\0\x07\x3a" + UDP6.raw[7:47], "icmpv6"),
    ],
)
def test_a_malformed_packet_names_the_field(raw: bytes, field: str) -> None:
    with pytest.raises(MalformedPacket) as caught:
        Packet.parse(raw)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (b"\x83\x07\x04\x0a\0\0\x01\0", "source routing is not modelled"),
        (b"\x01\x89\x07\x04\x0a\0\0\x01", "source routing is not modelled"),
        (b"\x07\x05\0\0", "option 7 without a valid length"),
        (b"\x07\x01\0\0", "option 7 without a valid length"),
        (b"\x01\x01\x01\x07", "option 7 without a valid length"),
    ],
)
def test_ipv4_options_are_walked(options: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacket, match=reason):
        with_ipv4_options(UDP4, options)


def test_options_end_where_they_say() -> None:
    assert with_ipv4_options(UDP4, b"\0\x83\x07\x04").dport == 53


def test_the_upper_header_is_found_behind_extension_headers() -> None:
    packet = with_extensions(UDP6, [0, 60, 43, 60])
    assert (packet.protocol, packet.transport, packet.dport) == (17, 72, 53)
    assert bad_checksums(packet.raw) == ()


def test_a_later_fragments_next_header_is_not_followed() -> None:
    later = extended(b"\x3c\0\0\x08\0\0\0\x05", 44)
    assert list(extension_headers(later)) == [(44, 40)]
    packet = Packet.parse(extended(b"\x3c\0\0\x08\0\0\0\x05", 44))
    assert (packet.protocol, packet.transport, packet.sport, packet.is_fragment) == (60, 48, None, True)


@pytest.mark.parametrize(("packet", "number"), [(UDP4, 132), (UDP4, 58), (UDP6, 1), (UDP6, 59)])
def test_other_protocols_are_carried_without_ports(packet: Packet, number: int) -> None:
    at = 9 if packet.family == 4 else 6
    other = Packet.parse(patched(packet, at, bytes((number,))))
    assert (other.protocol, other.sport, other.checksum_at, other.icmp_type) == (number, None, 0, None)
    assert bad_checksums(other.raw) == ()


def test_udp_may_be_shorter_than_its_packet() -> None:
    """The checksum covers what the UDP length says (RFC 768)."""
    longer = UDP4.raw[:2] + b"\0\x40" + UDP4.raw[4:] + b"junk"
    packet = Packet.parse(patched(UDP4, 2, b"\0\x40")[:20] + longer[20:])
    assert bad_checksums(packet.raw) == ()


def test_every_wrong_checksum_is_told_outer_first() -> None:
    raw = UDP4.raw[:8] + b"\x01" + UDP4.raw[9:-1] + b"\x01"
    assert bad_checksums(raw) == ("ipv4", "udp")
    with pytest.raises(MalformedPacket, match="version"):
        bad_checksums(b"")


def test_protocols_have_names_in_their_family() -> None:
    for family, names in ((4, ("tcp", "udp", "icmp")), (6, ("tcp", "udp", "icmpv6"))):
        assert [protocol_name(family, protocol_number(family, name)) for name in names] == list(names)
    assert protocol_number(6, "icmp") == protocol_number(6, "icmpv6")
    assert protocol_name(6, 1) == 1
    with pytest.raises(ValueError, match='"icmpv6": expected one of tcp, udp, icmp in IPv4'):
        protocol_number(4, "icmpv6")
