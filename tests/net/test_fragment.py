"""Fragments fit, and put together they are the packet again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import defragment
from scapy.layers.inet6 import defragment6

from dsflow.net.address import Family
from dsflow.net.build import first_packet
from dsflow.net.fragment import datagram_key, fragment, reassemble
from dsflow.net.packet import MalformedPacket, Packet, bad_checksums, decremented, rewritten
from dsflow.net.packets import rebuild, to_scapy
from tests.strategies import packets, with_ipv4_options

LONG = st.integers(64, 2500).flatmap(lambda size: st.binary(min_size=size, max_size=size))
MTUS = st.integers(100, 1500)


@given(packets(payload=LONG), MTUS, st.randoms(use_true_random=False))
def test_reassembling_fragments_gives_the_packet(packet: Packet, mtu: int, random: object) -> None:
    pieces = list(fragment(packet, mtu, identification=7))
    assert all(piece.length <= mtu for piece in pieces)
    assert all(rebuild(piece.raw) == piece.raw and not bad_checksums(piece.raw) for piece in pieces)
    random.shuffle(pieces)  # type: ignore[attr-defined]  # hypothesis hands out a random.Random
    assert reassemble(pieces) == packet


@given(packets(payload=LONG), MTUS, MTUS)
def test_fragmenting_fragments_changes_nothing_in_the_end(packet: Packet, mtu: int, later: int) -> None:
    pieces = [last for piece in fragment(packet, mtu) for last in fragment(piece, later)]
    assert all(piece.length <= min(mtu, later) for piece in pieces)
    assert reassemble(pieces) == packet


@given(packets(payload=LONG), MTUS, st.data())
def test_a_missing_piece_is_missed_and_a_second_copy_is_not(packet: Packet, mtu: int, data: st.DataObject) -> None:
    pieces = list(fragment(packet, mtu))
    one = data.draw(st.sampled_from(pieces))
    assert reassemble([*pieces, one]) == packet
    pieces.remove(one)
    assert reassemble(pieces) is None


@given(packets(payload=LONG, plain=True), MTUS)
def test_scapy_puts_our_fragments_together(packet: Packet, mtu: int) -> None:
    pieces = [to_scapy(piece.raw) for piece in fragment(packet, mtu, identification=99)]
    if len(pieces) == 1:
        assert pieces[0].original == packet.raw
    elif packet.family is Family.IPV4:
        whole = bytes(defragment(pieces)[0])  # type: ignore[no-untyped-call]  # scapy has no types here
        assert whole[20:] == packet.raw[20:]
    else:
        whole = bytes(defragment6(pieces))  # type: ignore[no-untyped-call]  # scapy has no types here
        assert whole[40:] == packet.raw[40:]


def test_pieces_are_multiples_of_8_as_linux_cuts_them() -> None:
    pieces = fragment(first_packet(4, "udp", 1, 2, dport=53, size_bytes=3000), 1400)
    assert [piece.length for piece in pieces] == [1396, 1396, 248]
    assert [(piece.sport, piece.dport) for piece in pieces] == [(40000, 53), (None, None), (None, None)]
    assert all(piece.is_fragment for piece in pieces)
    assert [piece.tcp_flags for piece in pieces] == [0, 0, 0]


def test_a_packet_that_fits_is_left_alone() -> None:
    packet = first_packet(6, "udp", 1, 2, dport=53)
    assert fragment(packet, packet.length) == (packet,)
    assert reassemble([packet]) == packet
    assert reassemble([]) is None


def test_identification_and_df_stay_as_found() -> None:
    packet = first_packet(4, "udp", 1, 2, dport=53, size_bytes=3000, dont_fragment=True)
    packet = with_ipv4_options(packet, b"", identification=0xBEEF)
    assert {(piece.raw[4:6], piece.dont_fragment) for piece in fragment(packet, 1000)} == {(b"\xbe\xef", True)}
    six = fragment(first_packet(6, "udp", 1, 2, dport=53, size_bytes=3000), 1280, identification=0xBEEF)
    assert {piece.raw[44:48] for piece in six} == {b"\0\0\xbe\xef"}


def test_only_copied_options_are_in_later_fragments() -> None:
    """Router alert (148) has the copied flag, record route (7) and no-operation (1) have not."""
    packet = first_packet(4, "udp", 1, 2, dport=53, size_bytes=1000)
    packet = with_ipv4_options(packet, b"\x01\x07\x03\x04\x94\x04\0\0\0\0\0\0")
    first, *later = fragment(packet, 400)
    assert first.raw[20:32] == packet.raw[20:32]
    assert {piece.raw[20:24] for piece in later} == {b"\x94\x04\0\0"}
    assert {piece.transport for piece in later} == {24}
    assert reassemble([first, *later]) == packet


def test_an_mtu_without_room_is_refused() -> None:
    for family, mtu in ((4, 27), (6, 55)):
        with pytest.raises(ValueError, match="leaves 7 bytes of payload"):
            fragment(first_packet(family, "udp", 1, 2, dport=53, size_bytes=500), mtu)


def test_a_first_piece_too_short_for_its_header_has_ports_but_no_flags_and_no_checksum() -> None:
    """As filters of Linux read it: eight bytes hold them."""
    packet = first_packet(4, "tcp", 1, 2, dport=53, size_bytes=500)
    pieces = fragment(packet, 28)
    assert (pieces[0].sport, pieces[0].dport) == (40000, 53)
    assert (pieces[0].tcp_flags, pieces[0].checksum_at) == (0, 0)
    assert [piece.sport for piece in pieces[1:]] == [None] * (len(pieces) - 1)
    assert reassemble(pieces) == packet


def test_fragments_are_translated_apart_and_put_together_right() -> None:
    packet = first_packet(4, "udp", 1, 2, dport=53, size_bytes=3000)
    first, *later = fragment(packet, 1400)
    moved = [rewritten(first, src=9, sport=1), *(rewritten(piece, src=9) for piece in later)]
    assert reassemble(moved) == rewritten(packet, src=9, sport=1)
    with pytest.raises(ValueError, match="has no ports"):
        rewritten(later[0], sport=1)


def test_pieces_of_different_datagrams_are_refused() -> None:
    packet = first_packet(4, "udp", 1, 2, dport=53, size_bytes=3000)
    other = rewritten(packet, src=3)
    assert datagram_key(packet) != datagram_key(other)
    with pytest.raises(ValueError, match="different datagrams"):
        reassemble([fragment(packet, 1400)[0], fragment(other, 1400)[1]])


@pytest.mark.parametrize("family", [4, 6])
def test_overlapping_pieces_never_become_a_packet(family: int) -> None:
    packet = first_packet(family, "udp", 1, 2, dport=53, size_bytes=3000)
    assert reassemble([fragment(packet, 1400)[0], *fragment(packet, 1300)[1:]]) is None


def test_the_first_piece_gives_the_header() -> None:
    pieces = fragment(first_packet(6, "udp", 1, 2, dport=53, size_bytes=3000), 1400)
    mixed = [pieces[0], *map(decremented, pieces[1:])]
    whole = reassemble(mixed)
    assert whole is not None
    assert whole.ttl == 64


def test_a_fragment_header_of_a_whole_packet_goes() -> None:
    """RFC 6946: an atomic fragment is a packet by itself."""
    packet = first_packet(6, "udp", 1, 2, dport=53)
    size = (packet.length - 40 + 8).to_bytes(2, "big")
    head = packet.raw[:4] + size + b"\x2c" + packet.raw[7:40]
    atomic = Packet.parse(head + b"\x11\0\0\0\0\0\0\x05" + packet.raw[40:])
    assert (atomic.is_fragment, atomic.dport) == (False, 53)
    assert reassemble([atomic]) == packet


def test_more_than_a_packet_can_be_is_malformed() -> None:
    packet = first_packet(4, "udp", 1, 2, dport=53, size_bytes=65535)
    pieces = fragment(packet, 1500)
    first = with_ipv4_options(pieces[0], b"\x94\x04\0\0")
    with pytest.raises(MalformedPacket, match="add up to 65539 bytes"):
        reassemble([first, *pieces[1:]])
    pieces = fragment(first_packet(6, "udp", 1, 2, dport=53, size_bytes=65535), 1500)
    with pytest.raises(MalformedPacket, match="add up to 65543 bytes"):
        reassemble([_with_options(pieces[0], 48), *pieces[1:]])


def _with_options(piece: Packet, size: int) -> Packet:
    """The IPv6 fragment with so many bytes of hop-by-hop options before the fragment header."""
    options = bytes((44, size // 8 - 1, 1, size - 4)) + bytes(size - 4)
    payload = (piece.length - 40 + size).to_bytes(2, "big")
    return Packet.parse(piece.raw[:4] + payload + b"\0" + piece.raw[7:40] + options + piece.raw[40:])
