"""Rewriting by difference gives the bytes that scapy builds from the fields."""

from __future__ import annotations

import pickle
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dsflow.net.address import Address, Family
from dsflow.net.assemble import assembled
from dsflow.net.build import first_packet, icmp_error
from dsflow.net.packet import (
    Header,
    Icmp,
    MalformedPacket,
    Packet,
    bad_checksums,
    decremented,
    read_header,
    rewritten,
)
from dsflow.net.packets import rebuild, to_scapy
from tests.strategies import packets, ports, unicast_values

FIELDS = ("family", "protocol", "src", "dst", "sport", "dport", "ttl", "transport", "checksum_at")


def assert_same(one: Packet, other: Packet) -> None:
    """Equal bytes, and numbers that say what the bytes say."""
    assert one.raw == other.raw
    assert [getattr(one, name) for name in FIELDS] == [getattr(other, name) for name in FIELDS]


@given(packets())
def test_a_hop_lowers_the_limit_and_nothing_else(packet: Packet) -> None:
    sent = decremented(packet)
    assert_same(sent, Packet.parse(sent.raw))
    assert sent.raw == rebuild(sent.raw)
    assert sent.ttl == packet.ttl - 1
    at = 8 if packet.family is Family.IPV4 else 7
    kept = (at, 10, 11) if packet.family is Family.IPV4 else (at,)
    assert [byte for place, byte in enumerate(sent.raw) if place not in kept] == [
        byte for place, byte in enumerate(packet.raw) if place not in kept
    ]


@given(packets(), st.data())
def test_a_nat_writes_what_scapy_builds(packet: Packet, data: st.DataObject) -> None:
    new = {
        "src": data.draw(st.none() | unicast_values(packet.family)),
        "dst": data.draw(st.none() | unicast_values(packet.family)),
        "sport": data.draw(st.none() | ports()),
        "dport": data.draw(st.none() | ports()) if packet.protocol in (6, 17) else None,
    }
    sent = rewritten(packet, **new)
    assert_same(sent, Packet.parse(sent.raw))
    assert sent.raw == rebuild(sent.raw)
    assert bad_checksums(sent.raw) == ()
    for name, value in new.items():
        if value is not None:
            assert getattr(sent, name) == value


@given(packets(), st.data())
def test_a_nat_undone_gives_the_bytes_back(packet: Packet, data: st.DataObject) -> None:
    new = {"src": data.draw(unicast_values(packet.family)), "sport": data.draw(ports())}
    sent = rewritten(packet, **new)
    assert_same(rewritten(sent, src=packet.src, sport=packet.sport), packet)


@given(packets(), st.integers(1, 0xFFFE))
def test_a_wrong_upper_checksum_stays_wrong(packet: Packet, error: int) -> None:
    """Neither a router nor a NAT mends what it cannot know."""
    at = packet.checksum_at
    wrong = bytearray(packet.raw)
    found = int.from_bytes(wrong[at : at + 2], "big") % 0xFFFF
    wrong[at : at + 2] = ((found + error) % 0xFFFF or 0xFFFF).to_bytes(2, "big")
    spoilt = Packet.parse(bytes(wrong))
    name = read_header(packet).protocol
    assert bad_checksums(spoilt.raw) == (name,)
    assert bad_checksums(rewritten(spoilt, src=packet.dst, sport=1).raw) == (name,)


@pytest.mark.parametrize("family", [4, 6])
def test_a_udp_checksum_of_none_stays_none(family: int) -> None:
    """Zero says "none": allowed in IPv4 (RFC 768), an error in IPv6 (RFC 8200 section 8.1)."""
    packet = first_packet(family, "udp", 1, 2, dport=53)
    at = packet.checksum_at
    bare = Packet.parse(packet.raw[:at] + bytes(2) + packet.raw[at + 2 :])
    assert bare.checksum_at == 0
    sent = rewritten(bare, src=3, sport=1024)
    assert sent.raw[at : at + 2] == bytes(2)
    assert bad_checksums(sent.raw) == (() if family == 4 else ("udp",))
    assert rebuild(sent.raw) == sent.raw


@pytest.mark.parametrize("family", [4, 6])
def test_a_udp_checksum_that_comes_out_as_zero_is_sent_as_ones(family: int) -> None:
    packet = first_packet(family, "udp", 1, 2, dport=53)
    at = packet.checksum_at
    checksum = int.from_bytes(packet.raw[at : at + 2], "big")
    sent = rewritten(packet, dport=53 + checksum)  # the sum grows by what was missing
    assert sent.raw[at : at + 2] == b"\xff\xff"
    assert rebuild(sent.raw) == sent.raw
    assert bad_checksums(sent.raw) == ()


def test_an_echo_reply_of_nothing_but_zeros_has_a_checksum_of_ones() -> None:
    """The one message without a bit set: without a pseudo-header its sum is zero."""
    reply = assembled(Family.IPV4, 1, 1, 2, b"\0\0\0\0\0\x07\0\0", ports=(7, 7))
    empty = rewritten(reply, dport=0)
    assert empty.raw[20:] == b"\0\0\xff\xff\0\0\0\0"
    assert rebuild(empty.raw) == empty.raw
    assert rewritten(empty, dport=7) == reply


@pytest.mark.parametrize("family", [4, 6])
def test_an_icmp_error_moves_between_addresses_and_keeps_its_quote(family: int) -> None:
    about = first_packet(family, "udp", 0x0A000001, 0x0A000002, dport=53)
    error = icmp_error(about, src=0x0A000009, icmp_type=3, icmp_code=0)
    assert error is not None
    sent = rewritten(error, src=0x0A000008, dst=0x0A000007)
    assert_same(sent, Packet.parse(sent.raw))
    assert bad_checksums(sent.raw) == ()
    assert sent.raw.endswith(about.raw)
    with pytest.raises(ValueError, match="has no ports"):
        rewritten(error, sport=1)


def test_an_echo_has_one_identifier() -> None:
    ping = first_packet(4, "icmp", 1, 2)
    assert rewritten(ping, dport=7) == rewritten(ping, sport=7) == rewritten(ping, sport=7, dport=7)
    with pytest.raises(ValueError, match="one identifier"):
        rewritten(ping, sport=7, dport=8)


@given(packets())
def test_packets_of_the_same_bytes_are_equal(packet: Packet) -> None:
    again = Packet.parse(bytes(bytearray(packet.raw)))
    assert again == packet
    assert hash(again) == hash(packet)
    assert_same(pickle.loads(pickle.dumps(packet)), packet)
    assert packet != decremented(packet)
    assert packet != packet.raw


@given(packets())
def test_the_numbers_are_those_that_scapy_reads(packet: Packet) -> None:
    oracle = to_scapy(packet.raw)
    header = read_header(packet)
    assert (header.length, header.ttl) == (len(oracle), oracle.ttl if oracle.version == 4 else oracle.hlim)
    read = Address.parse(header.src), Address.parse(header.dst)
    assert read == (Address.parse(oracle.src), Address.parse(oracle.dst))  # scapy's texts are the C library's
    upper = oracle.lastlayer() if packet.protocol not in (6, 17) else oracle["TCP" if packet.protocol == 6 else "UDP"]
    if header.icmp is None:
        assert (header.sport, header.dport) == (upper.sport, upper.dport) == (packet.sport, packet.dport)
    else:
        echo = oracle["ICMP"] if oracle.version == 4 else next(x for x in oracle.iterpayloads() if "cksum" in x.fields)
        assert header.icmp == Icmp(echo.type, echo.code, echo.id, echo.seq)
        assert header.icmp[:2] == (packet.icmp_type, packet.icmp_code)
        assert packet.sport == packet.dport == echo.id


@given(packets(families=st.just(Family.IPV4)))
def test_flags_are_those_that_scapy_reads(packet: Packet) -> None:
    oracle = to_scapy(packet.raw)
    assert packet.dont_fragment == bool(oracle.flags.DF)
    assert not packet.is_fragment
    assert packet.tcp_flags == (int(oracle["TCP"].flags) if packet.protocol == 6 else 0)


def test_a_header_is_shown_as_the_trace_has_it() -> None:
    syn = first_packet(6, "tcp", 1, 2, dport=80)
    assert read_header(syn) == Header("::1", "::2", 40000, 80, "tcp", 64, 60)
    assert list(read_header(syn).to_json()) == ["src", "dst", "sport", "dport", "protocol", "ttl", "length"]
    ping = read_header(first_packet(4, "icmp", 1, 2)).to_json()
    assert ping["icmp"] == {"type": 8, "code": 0, "id": 1, "seq": 1}
    assert (ping["sport"], ping["dport"], ping["protocol"]) == (None, None, "icmp")


def test_an_icmp_error_has_neither_identifier_nor_sequence_number() -> None:
    error = icmp_error(first_packet(4, "udp", 0x0A000001, 2, dport=1), src=3, icmp_type=3, icmp_code=3)
    assert error is not None
    assert read_header(error).to_json()["icmp"] == {"type": 3, "code": 3, "id": None, "seq": None}
    assert repr(error) == "Packet(icmp 0.0.0.3 > 10.0.0.1, ttl 64, 88 bytes)"


@given(st.binary(max_size=100))
@example(b"")
def test_arbitrary_bytes_are_a_packet_or_malformed(raw: bytes) -> None:
    _parse_or_refuse(raw)


@given(packets(), st.data())
def test_spoilt_packets_are_a_packet_or_malformed(packet: Packet, data: st.DataObject) -> None:
    """Bytes changed or cut off: whatever is still read is still whole and can be sent on."""
    raw = bytearray(packet.raw)
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    _parse_or_refuse(bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))]))


def _parse_or_refuse(raw: bytes) -> None:
    with suppress(MalformedPacket):
        packet = Packet.parse(raw)
        assert packet.raw == raw
        assert packet.length == len(raw)
        assert read_header(packet).length == len(raw)
        bad_checksums(raw)
        if packet.ttl:
            sent = decremented(packet)
            assert_same(sent, Packet.parse(sent.raw))
        moved = rewritten(packet, src=1, dst=2)
        assert_same(moved, Packet.parse(moved.raw))
