"""ICMP errors: what they quote, and about what they are never sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.address import Address, Family
from dsflow.net.build import first_packet, icmp_error
from dsflow.net.fragment import fragment
from dsflow.net.icmp import is_icmp_error
from dsflow.net.packet import Packet, bad_checksums, decremented, rewritten
from dsflow.net.packets import rebuild, to_scapy
from tests.net.test_packet import assert_same
from tests.strategies import packets, unicast_values

TIME_EXCEEDED = {Family.IPV4: 11, Family.IPV6: 3}
LONGEST = {Family.IPV4: 576, Family.IPV6: 1280}


def error_about(packet: Packet, *, icmp_type: int | None = None, icmp_code: int = 0) -> Packet | None:
    kind = TIME_EXCEEDED[packet.family] if icmp_type is None else icmp_type
    return icmp_error(packet, src=9, icmp_type=kind, icmp_code=icmp_code)


@given(packets(payload=st.binary(max_size=64) | st.binary(min_size=500, max_size=1400)), st.data())
def test_an_error_quotes_the_packet_to_its_sender(packet: Packet, data: st.DataObject) -> None:
    src = data.draw(unicast_values(packet.family))
    kind, code = data.draw(st.sampled_from([(3, 0), (3, 1), (11, 0)] if packet.family == 4 else [(1, 0), (3, 0)]))
    error = icmp_error(packet, src=src, icmp_type=kind, icmp_code=code, ttl=63)
    assert error is not None
    assert_same(error, Packet.parse(error.raw))
    assert bad_checksums(error.raw) == ()
    assert rebuild(error.raw) == error.raw
    assert (error.src, error.dst, error.ttl) == (src, packet.src, 63)
    assert (error.icmp_type, error.icmp_code) == (kind, code)
    quote = error.raw[error.transport + 8 :]
    assert packet.raw.startswith(quote)
    assert error.length == min(LONGEST[packet.family], error.transport + 8 + packet.length)
    assert is_icmp_error(error)
    assert not is_icmp_error(packet)
    assert error_about(error) is None


@pytest.mark.parametrize(("family", "kind", "code"), [(4, 3, 4), (6, 2, 0)])
def test_an_mtu_stands_in_its_field(family: int, kind: int, code: int) -> None:
    packet = first_packet(family, "tcp", 0x0A000001, 2, dport=80, size_bytes=9000)
    error = icmp_error(packet, src=9, icmp_type=kind, icmp_code=code, word=1400)
    assert error is not None
    oracle = to_scapy(error.raw)
    assert (oracle["ICMP"].nexthopmtu if family == 4 else oracle["ICMPv6PacketTooBig"].mtu) == 1400
    with pytest.raises(ValueError, match="no field for 1400"):
        icmp_error(packet, src=9, icmp_type=1, icmp_code=0, word=1400)


def test_an_ipv4_error_has_the_precedence_of_internetwork_control() -> None:
    packet = first_packet(4, "udp", 0x0A000001, 2, dport=80)
    error = error_about(packet)
    assert error is not None
    assert (error.raw[1], error.raw[4:8]) == (0xC0, bytes(4))


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "ff02::1"])
def test_no_error_goes_to_what_is_no_single_host(address: str) -> None:
    src = Address.parse(address)
    assert error_about(first_packet(src.family, "udp", src.value, 5, dport=1)) is None


@pytest.mark.parametrize("address", ["224.0.0.1", "255.255.255.255", "ff02::1"])
def test_no_error_is_about_what_went_to_many(address: str) -> None:
    dst = Address.parse(address)
    assert error_about(first_packet(dst.family, "udp", 0x0A000001, dst.value, dport=1)) is None


def test_multicast_of_ipv6_hears_of_its_mtu_and_of_unknown_options() -> None:
    packet = first_packet(6, "udp", 1, Address.parse("ff02::1").value, dport=1)
    assert error_about(packet, icmp_type=2) is not None
    assert error_about(packet, icmp_type=4, icmp_code=2) is not None
    assert error_about(packet, icmp_type=4, icmp_code=1) is None


def test_only_the_first_fragment_of_ipv4_gets_an_error() -> None:
    first, second = fragment(first_packet(4, "udp", 0x0A000001, 2, dport=1, size_bytes=2000), 1400)
    assert error_about(first) is not None
    assert error_about(second) is None


@pytest.mark.parametrize(
    ("family", "kind", "is_error"),
    [(4, 5, True), (4, 13, False), (4, 4, True), (6, 137, True), (6, 135, False), (6, 127, True)],
)
def test_redirects_count_as_errors_and_questions_do_not(family: int, kind: int, is_error: bool) -> None:
    ping = first_packet(family, "icmp", 0x0A000001, 2)
    other = Packet.parse(ping.raw[: ping.transport] + bytes((kind,)) + ping.raw[ping.transport + 1 :])
    assert is_icmp_error(other) == is_error


def test_the_quote_is_the_packet_as_given() -> None:
    """Time exceeded quotes the TTL as received, a reject after forwarding one less: the caller's choice."""
    packet = rewritten(first_packet(4, "tcp", 0x0A000001, 2, dport=80), dport=81)
    error = error_about(decremented(packet))
    assert error is not None
    assert error.raw[28 + 8] == 63
