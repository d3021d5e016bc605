"""Packets expected and packets caught, held against each other: captures made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.lab.compare import Caught, Expected, Maker, Pairing, Ports, differences, pair, ports_in
from dsflow.net.build import first_packet, icmp_error, reply_to, reset_to
from dsflow.net.packet import Packet, decremented, rewritten

A, B, C = 0x0A000001, 0x0A000002, 0x0A000003


def expect(raw: bytes, maker: Maker = Maker.PROBE, quoted: Maker = Maker.PROBE, **place: Any) -> Expected:
    device, interface, way = place.get("device", "device/r0"), place.get("interface", "e0"), place.get("way", "in")
    return Expected(0, 0, device, interface, way, raw, maker, quoted)


def catch(raw: bytes, device: str = "device/r0", interface: str = "e0", way: str = "in", time_ns: int = 0) -> Caught:
    return Caught(device, interface, way, raw, time_ns)


def one(expected: Expected, raw: bytes, known: frozenset[int] = frozenset()) -> Pairing:
    return pair([expected], [catch(raw)], Ports(known | ports_in(expected.raw)))


def patched(raw: bytes, at: int, value: bytes) -> bytes:
    """The packet with some bytes of its IPv4 header changed, and the header's checksum right again."""
    from dsflow.lab.craft import mended

    return mended(raw[:at] + value + raw[at + len(value) :])


PROBE = first_packet(4, "udp", A, B, dport=53)


def test_equal_packets_agree() -> None:
    found = one(expect(PROBE.raw), PROBE.raw)
    assert found.holds
    assert found.agreeing == 1


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (decremented(PROBE).raw, "ipv4.ttl: 64 expected, 63 seen"),
        (rewritten(PROBE, src=C).raw, "ipv4.src: 10.0.0.1 expected, 10.0.0.3 seen"),
        (patched(PROBE.raw, 6, b"\x40"), "ipv4.dont_fragment: no expected, yes seen"),
        (patched(PROBE.raw, 1, b"\x10"), "ipv4.tos: 0 expected, 16 seen"),
        (patched(PROBE.raw, 4, b"\x12\x34"), "ipv4.id: 0 expected, 4660 seen"),
        (PROBE.raw[:-1] + b"\x01", None),
        (b"", None),
    ],
)
def test_a_difference_is_named(raw: bytes, told: str | None) -> None:
    found = one(expect(PROBE.raw), raw)
    assert not found.holds
    assert told is None or found.rows[0].difference == told


def test_what_the_senders_kernel_fills_in_is_left_out() -> None:
    numbered = patched(PROBE.raw, 4, b"\x12\x34")
    assert one(expect(PROBE.raw, Maker.UNNUMBERED), numbered).holds
    assert not one(expect(PROBE.raw, Maker.UNNUMBERED), numbered[:11] + b"\0" + numbered[12:]).holds, "a wrong checksum"


def test_padding_of_a_link_is_no_part_of_a_packet() -> None:
    assert one(expect(PROBE.raw), PROBE.raw + bytes(6)).holds
    six = first_packet(6, "udp", A, B, dport=53).raw
    assert one(expect(six), six + bytes(6)).holds


def _syn_ack(packet: Packet, *, sequence: int, options: bytes) -> bytes:
    """A SYN-ACK as a kernel makes it: with a sequence number and options of its own."""
    from dsflow.lab.craft import Craft, crafted
    from dsflow.net.address import Address, Family

    message = bytearray(packet.raw[packet.transport :])
    message[4:8] = sequence.to_bytes(4, "big")
    message[12] = (5 + len(options) // 4) << 4
    message[16:18] = bytes(2)
    src, dst = Address(Family.IPV4, packet.src), Address(Family.IPV4, packet.dst)
    return crafted(Craft(src=src, dst=dst, protocol=6, message=bytes(message) + options, dont_fragment=True))


def test_a_listener_chooses_its_sequence_number_and_options() -> None:
    answer = reply_to(first_packet(4, "tcp", A, B, dport=80))
    assert answer is not None
    seen = _syn_ack(answer, sequence=123456, options=b"\x02\x04\x05\xb4")
    assert one(expect(answer.raw, Maker.KERNEL), seen).holds
    assert not one(expect(answer.raw, Maker.PROBE), seen).holds
    assert not one(expect(answer.raw, Maker.KERNEL), seen[:-1] + b"\x00").holds, "its checksum must hold"


def test_a_reset_chooses_nothing() -> None:
    answer = reset_to(first_packet(4, "tcp", A, B, dport=80))
    assert answer is not None
    other = bytearray(answer.raw)
    other[answer.transport + 7] = 9
    assert not one(expect(answer.raw, Maker.KERNEL), bytes(other)).holds


def test_what_an_error_quotes_is_compared() -> None:
    error = icmp_error(PROBE, src=C, icmp_type=11, icmp_code=0)
    other = icmp_error(decremented(PROBE), src=C, icmp_type=11, icmp_code=0)
    assert error is not None
    assert other is not None
    found = one(expect(error.raw, Maker.KERNEL), other.raw)
    assert found.rows[0].difference == "quote.ipv4.ttl: 64 expected, 63 seen"


def test_an_error_may_quote_what_the_senders_kernel_filled_in() -> None:
    error = icmp_error(PROBE, src=C, icmp_type=11, icmp_code=0)
    quoted = Packet.parse(patched(PROBE.raw, 4, b"\x12\x34"))
    other = icmp_error(quoted, src=C, icmp_type=11, icmp_code=0)
    assert error is not None
    assert other is not None
    assert one(expect(error.raw, Maker.KERNEL, Maker.UNNUMBERED), other.raw).holds
    assert not one(expect(error.raw, Maker.KERNEL), other.raw).holds


def test_the_flow_label_of_an_answer_is_the_kernels() -> None:
    answer = reply_to(first_packet(6, "icmp", A, B))
    assert answer is not None
    labelled = answer.raw[:2] + b"\xab\xcd" + answer.raw[4:]
    assert one(expect(answer.raw, Maker.KERNEL), labelled).holds
    assert not one(expect(answer.raw, Maker.PROBE), labelled).holds


@pytest.mark.parametrize(
    ("drawn", "seen", "holds"),
    [
        (50000, 1024, True),
        (50000, 65535, True),
        (50000, 1023, False),
        (700, 601, True),
        (700, 511, False),
        (40, 511, True),
        (40, 512, False),
    ],
)
def test_a_drawn_port_is_of_the_same_class(drawn: int, seen: int, holds: bool) -> None:
    ports = Ports(frozenset({40000, 53}))
    expected, found = rewritten(PROBE, src=C, sport=drawn), rewritten(PROBE, src=C, sport=seen)
    assert pair([expect(expected.raw)], [catch(found.raw)], ports).holds is holds


def test_a_drawn_port_stays_the_same_through_the_chain() -> None:
    out, back = rewritten(PROBE, sport=50000), rewritten(PROBE, src=B, dst=A, sport=53, dport=50000)
    ports = Ports(frozenset({40000, 53}))
    wanted = [expect(out.raw, way="out"), expect(back.raw, way="in")]
    assert pair(
        wanted, [catch(rewritten(out, sport=2000).raw, way="out"), catch(rewritten(back, dport=2000).raw)], ports
    ).holds
    ports = Ports(frozenset({40000, 53}))
    assert not pair(
        wanted, [catch(rewritten(out, sport=2000).raw, way="out"), catch(rewritten(back, dport=2001).raw)], ports
    ).holds


def test_a_known_port_is_never_drawn() -> None:
    ports = Ports(frozenset({40000, 53}))
    assert not pair([expect(PROBE.raw)], [catch(rewritten(PROBE, sport=40001).raw)], ports).holds


def test_a_drawn_port_may_be_the_one_that_was_asked() -> None:
    """By chance; the port that the source had before would be one that was kept."""
    question = rewritten(PROBE, sport=300)
    drawn = rewritten(question, src=C, sport=191)
    for seen, holds in ((53, True), (300, False)):
        ports = Ports(frozenset())
        ports.learn(question.raw)
        assert ports.known == {300, 53}
        assert pair([expect(drawn.raw)], [catch(rewritten(drawn, sport=seen).raw)], ports).holds is holds


def test_an_identifier_may_be_any() -> None:
    ping = first_packet(4, "icmp", A, B)
    ports = Ports(frozenset({1}))
    assert pair([expect(rewritten(ping, sport=60000).raw)], [catch(rewritten(ping, sport=7).raw)], ports).holds


def test_places_matter() -> None:
    for elsewhere in (catch(PROBE.raw, "device/r1"), catch(PROBE.raw, interface="e1"), catch(PROBE.raw, way="out")):
        found = pair([expect(PROBE.raw)], [elsewhere], Ports(frozenset()))
        assert [row.difference for row in found.rows] == ["not seen", "not expected"]
        assert found.agreeing == 0


def test_packets_at_one_place_are_paired_whatever_their_order() -> None:
    other = first_packet(4, "udp", A, B, dport=54)
    found = pair(
        [expect(PROBE.raw), expect(other.raw)], [catch(other.raw), catch(PROBE.raw)], Ports(frozenset({40000, 53, 54}))
    )
    assert found.holds


def test_what_is_left_over_is_told_in_the_order_caught() -> None:
    late, early = catch(PROBE.raw, time_ns=2), catch(PROBE.raw, interface="e1", time_ns=1)
    found = pair([], [late, early], Ports(frozenset()))
    assert [row.caught for row in found.rows] == [early, late]
    assert not found.holds


def test_nothing_expected_and_nothing_caught_agrees() -> None:
    assert pair([], [], Ports(frozenset())).holds


def test_bytes_that_are_no_packet_are_compared_too() -> None:
    assert one(expect(b"\x45\x00"), b"\x45\x00").holds
    assert one(expect(b"\x45\x00"), b"\x45\x01").rows[0].difference == "bytes: 4500 expected, 4501 seen"


def test_long_values_are_cut_short() -> None:
    big = first_packet(4, "udp", A, B, dport=53, size_bytes=500)
    changed = big.raw[:-1] + b"\x01"
    found = one(expect(big.raw), changed).rows[0].difference
    assert found is not None
    assert "… (472 bytes)" in found
    assert next(differences(expect(big.raw), changed, Ports(frozenset())))[0] == "payload"


def _opening(options: bytes, *, sport: int = 40000, sequence: int = 77) -> bytes:
    """A SYN as a kernel makes it on a connection of its own."""
    from dsflow.lab.craft import Craft, crafted
    from dsflow.net.address import Address, Family

    packet = first_packet(4, "tcp", A, B, sport=sport, dport=80)
    message = bytearray(packet.raw[packet.transport :])
    message[4:8] = sequence.to_bytes(4, "big")
    message[12] = (5 + len(options) // 4) << 4
    message[16:18] = bytes(2)
    src, dst = Address(Family.IPV4, A), Address(Family.IPV4, B)
    return crafted(Craft(src=src, dst=dst, protocol=6, message=bytes(message) + options, dont_fragment=True))


def test_a_connection_in_earnest_has_options_and_sequence_numbers() -> None:
    syn, seen = first_packet(4, "tcp", A, B, dport=80).raw, _opening(b"\x02\x04\x05\xb4")
    assert one(expect(syn, Maker.CLIENT), seen).holds
    assert not one(expect(syn), seen).holds
    assert not one(expect(syn, Maker.CLIENT), _opening(b"\x02\x04\x05\xb4", sport=40001)).holds


def test_a_proxys_own_port_is_any_and_stays_the_same() -> None:
    syn = first_packet(4, "tcp", A, B, dport=80)
    answer = reply_to(syn)
    assert answer is not None
    wanted = [expect(syn.raw, Maker.PROXY, way="out"), expect(answer.raw, Maker.PROXY)]
    for port, holds in ((55555, True), (55556, False)):
        back = rewritten(answer, dport=port).raw
        seen = [catch(_opening(b"", sport=55555), way="out"), catch(back)]
        assert pair(wanted, seen, Ports(frozenset({40000, 80}))).holds is holds
    other = rewritten(syn, sport=55555, dport=81).raw
    assert not pair(wanted[:1], [catch(other, way="out")], Ports(frozenset({40000, 80}))).holds
