"""First packets and answers, as the contract words them and as scapy builds them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from dsflow.net.address import Family
from dsflow.net.build import ACK, RST, SYN, first_packet, reply_to, reset_to
from dsflow.net.fragment import fragment
from dsflow.net.packet import Packet, bad_checksums, decremented, read_header
from dsflow.net.packets import rebuild, to_scapy
from tests.net.templates import template
from tests.net.test_packet import assert_same
from tests.strategies import families, packets, ports, values

PROTOCOLS = st.sampled_from(["tcp", "udp", "icmp"])


def assert_as_scapy_builds(packet: Packet) -> None:
    assert_same(packet, Packet.parse(packet.raw))
    assert rebuild(packet.raw) == packet.raw
    assert bad_checksums(packet.raw) == ()


@given(families(), PROTOCOLS, st.data())
def test_a_first_packet_is_the_template_between_two_ends(family: Family, protocol: str, data: st.DataObject) -> None:
    src, dst, sport, dport = (data.draw(drawn) for drawn in (values(family), values(family), ports(), ports()))
    echo = protocol == "icmp"
    packet = first_packet(family, protocol, src, dst, sport=sport, dport=None if echo else dport)
    assert_as_scapy_builds(packet)
    assert (packet.src, packet.dst, packet.sport) == (src, dst, sport)
    assert packet.dport == (sport if echo else dport)
    no_ports = {"sport": None, "dport": None} if echo else {"sport": 0, "dport": 0}
    assert first_packet(family, protocol, 0, 0, **no_ports).raw == template(family, protocol)


@pytest.mark.parametrize("family", [4, 6])
def test_first_packets_are_as_the_contract_says(family: int) -> None:
    syn = first_packet(family, "tcp", 1, 2, dport=80)
    oracle = to_scapy(syn.raw)[TCP]
    assert (oracle.flags, oracle.seq, oracle.ack, oracle.window, oracle.options) == ("S", 0, 0, 64240, [])
    assert (syn.sport, syn.dport, syn.ttl, syn.dont_fragment) == (40000, 80, 64, True)
    datagram = first_packet(family, "udp", 1, 2, dport=53)
    assert datagram.raw[datagram.transport + 8 :] == bytes(32)
    assert datagram.dont_fragment == (family == 6)
    ping = first_packet(family, "icmp", 1, 2)
    assert ping.raw[ping.transport + 4 :] == b"\0\x01\0\x01" + bytes(32)
    if family == 4:
        assert {packet.raw[4:6] for packet in (syn, datagram, ping)} == {b"\0\0"}


@given(families(), PROTOCOLS, st.integers(60, 2000), st.integers(1, 255), st.booleans())
def test_sizes_limits_and_df_are_as_asked(
    family: Family, protocol: str, size: int, ttl: int, dont_fragment: bool
) -> None:
    dport = None if protocol == "icmp" else 7
    packet = first_packet(family, protocol, 1, 2, dport=dport, size_bytes=size, ttl=ttl, dont_fragment=dont_fragment)
    assert_as_scapy_builds(packet)
    assert (packet.length, packet.ttl) == (size, ttl)
    assert packet.dont_fragment == (dont_fragment or family is Family.IPV6)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("protocol", "header"), [("tcp", 20), ("udp", 8), ("icmp", 8)])
def test_sizes_that_cannot_be_are_refused(family: int, protocol: str, header: int) -> None:
    dport = None if protocol == "icmp" else 7
    shortest = (20 if family == 4 else 40) + header
    for size in (shortest, 65535):
        assert_as_scapy_builds(first_packet(family, protocol, 1, 2, dport=dport, size_bytes=size))
    for size in (shortest - 1, 0, -5, 65536):
        with pytest.raises(ValueError, match=f"{size} bytes: expected {shortest}-65535"):
            first_packet(family, protocol, 1, 2, dport=dport, size_bytes=size)


def test_ports_where_they_belong() -> None:
    with pytest.raises(ValueError, match="an ICMP echo has none"):
        first_packet(4, "icmp", 1, 2, dport=80)
    with pytest.raises(ValueError, match="tcp: a destination port is missing"):
        first_packet(4, "tcp", 1, 2)
    with pytest.raises(ValueError, match='"sctp": expected one of tcp, udp, icmp in IPv4'):
        first_packet(4, "sctp", 1, 2, dport=80)


@given(packets())
def test_a_reply_is_the_reverse_of_what_it_answers(packet: Packet) -> None:
    reply = reply_to(packet, ttl=60)
    if reply is None:
        opens = packet.tcp_flags & (SYN | ACK | RST) == SYN
        answers = packet.icmp_type in (0, 129)
        assert not opens if packet.protocol == 6 else answers or (packet.protocol, packet.sport) == (17, 0)
        return
    assert_as_scapy_builds(reply)
    assert (reply.family, reply.protocol, reply.ttl) == (packet.family, packet.protocol, 60)
    assert (reply.src, reply.dst, reply.sport, reply.dport) == (packet.dst, packet.src, packet.dport, packet.sport)
    if packet.protocol == 17:
        assert reply.raw[reply.transport + 8 :] == packet.raw[packet.transport + 8 :]
    if packet.icmp_type is not None:
        assert reply.icmp_type == {8: 0, 128: 129}[packet.icmp_type]
        assert reply.raw[reply.transport + 4 :] == packet.raw[packet.transport + 4 :]
    if packet.family is Family.IPV4:
        assert reply.dont_fragment == (packet.protocol == 6)
        assert reply.raw[4:6] == b"\0\0"


@pytest.mark.parametrize("family", [4, 6])
def test_a_syn_is_acknowledged_without_its_data(family: int) -> None:
    reply = reply_to(first_packet(family, "tcp", 1, 2, dport=80, size_bytes=100))
    assert reply is not None
    oracle = to_scapy(reply.raw)[TCP]
    assert (oracle.flags, oracle.seq, oracle.ack, oracle.window, oracle.options) == ("SA", 0, 1, 64240, [])
    assert reply_to(reply) is None


@pytest.mark.parametrize("family", [4, 6])
def test_a_reply_never_answers_a_fragment_or_an_error(family: int) -> None:
    pieces = fragment(first_packet(family, "udp", 1, 2, dport=7, size_bytes=2000), 1400)
    assert [reply_to(piece) for piece in pieces] == [None, None]


@given(packets())
def test_a_reset_fits_the_segment_that_it_answers(packet: Packet) -> None:
    reset = reset_to(packet)
    if packet.protocol != 6 or packet.tcp_flags & RST:
        assert reset is None
        return
    assert reset is not None
    assert_as_scapy_builds(reset)
    assert reset.dport == packet.sport
    got, sent = to_scapy(packet.raw)[TCP], to_scapy(reset.raw)[TCP]
    if packet.tcp_flags & ACK:
        assert (sent.flags, sent.seq, sent.ack) == ("R", got.ack, 0)
    else:
        held = len(got.payload) + ("S" in got.flags) + ("F" in got.flags)
        assert (sent.flags, sent.seq, sent.ack) == ("RA", 0, (got.seq + held) % (1 << 32))


def test_a_reset_answers_no_fragment_and_nothing_else_than_tcp() -> None:
    pieces = fragment(first_packet(4, "tcp", 1, 2, dport=7, size_bytes=2000), 1400)
    assert [reset_to(piece) for piece in pieces] == [None, None]
    assert reset_to(first_packet(4, "udp", 1, 2, dport=7)) is None


def test_a_reply_after_hops_is_as_from_the_start() -> None:
    """Only what the sender wrote counts."""
    packet = first_packet(6, "tcp", 1, 2, dport=80)
    assert reply_to(decremented(packet)) == reply_to(packet)
    reply = reply_to(packet)
    assert reply is not None
    assert read_header(reply).length == 60
