"""What a NAT does to ICMP errors: the quoted packet is read and replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.build import first_packet, icmp_error
from dsflow.net.packet import Packet, bad_checksums, rewritten
from dsflow.net.quote import quoted, requoted
from tests.net.test_packet import assert_same
from tests.strategies import packets, ports, unicast_values


def error_about(packet: Packet) -> Packet:
    error = icmp_error(packet, src=9, icmp_type=3, icmp_code=1)
    assert error is not None
    return error


def cut(error: Packet, quote_bytes: int) -> Packet:
    """The IPv4 error with no more than so many bytes of quotation, its checksums not made right."""
    size = error.transport + 8 + quote_bytes
    words = int.from_bytes(error.raw[10:12], "big") + error.length - size
    header = error.raw[:2] + size.to_bytes(2, "big") + error.raw[4:10] + (words % 0xFFFF).to_bytes(2, "big")
    return Packet.parse(header + error.raw[12:size])


@given(packets(payload=st.binary(max_size=64) | st.binary(min_size=500, max_size=1400), plain=True), st.data())
def test_a_translated_quotation_is_the_quotation_of_the_translated_packet(packet: Packet, data: st.DataObject) -> None:
    """The quoted packet may be cut off: its own checksum is brought up to date and not made anew."""
    src, sport = data.draw(unicast_values(packet.family)), data.draw(ports())
    error = error_about(packet)
    quote = quoted(error)
    assert quote is not None
    if quote.length == packet.length:
        assert_same(quote, packet)
    changed = requoted(error, rewritten(quote, src=src, sport=sport), dst=src)
    assert_same(changed, Packet.parse(changed.raw))
    assert bad_checksums(changed.raw) == ()
    assert changed == error_about(rewritten(packet, src=src, sport=sport))


@given(packets(plain=True), st.data())
def test_an_error_between_other_ends_keeps_its_quotation(packet: Packet, data: st.DataObject) -> None:
    error = error_about(packet)
    quote = quoted(error)
    assert quote is not None
    src = data.draw(unicast_values(packet.family))
    assert requoted(error, quote) == error
    assert requoted(error, quote, src=src) == rewritten(error, src=src)


def test_eight_bytes_behind_the_header_hold_the_ports() -> None:
    """RFC 792 asks for no more; the checksum of TCP stands behind them."""
    for protocol, checksum_at in (("udp", 26), ("tcp", 0)):
        quote = quoted(cut(error_about(first_packet(4, protocol, 0x0A000001, 2, dport=80)), 28))
        assert quote is not None
        assert (quote.sport, quote.dport, quote.checksum_at) == (40000, 80, checksum_at)
    ping = quoted(cut(error_about(first_packet(4, "icmp", 0x0A000001, 2)), 28))
    assert ping is not None
    assert ping.sport == 1


def test_a_quoted_protocol_without_ports_has_none() -> None:
    raw = first_packet(4, "udp", 0x0A000001, 2, dport=80).raw
    words = int.from_bytes(raw[10:12], "big") + 17 - 132
    sctp = Packet.parse(raw[:9] + b"\x84" + (words % 0xFFFF).to_bytes(2, "big") + raw[12:])
    quote = quoted(error_about(sctp))
    assert quote is not None
    assert (quote.protocol, quote.sport, quote.checksum_at) == (132, None, 0)


@pytest.mark.parametrize("family", [4, 6])
def test_without_a_whole_ip_header_there_is_no_quotation(family: int) -> None:
    ping = first_packet(family, "icmp", 0x0A000001, 2, size_bytes={4: 40, 6: 60}[family])
    assert quoted(ping) is None
