"""Fields of any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.lab.fields import read_fields
from dsflow.net.address import Family
from dsflow.net.build import first_packet, icmp_error
from dsflow.net.fragment import fragment
from dsflow.net.packet import Packet
from tests.strategies import packets

A, B = 0x0A000001, 0x0A000002


@given(st.binary(max_size=200))
def test_no_bytes_are_refused(raw: bytes) -> None:
    assert read_fields(raw)


@given(packets())
def test_different_packets_have_different_fields(packet: Packet) -> None:
    """Nothing of a packet is left out: each byte changed shows."""
    fields = dict(read_fields(packet.raw))
    for at in range(len(packet.raw)):
        raw = packet.raw[:at] + bytes((packet.raw[at] ^ 0x55,)) + packet.raw[at + 1 :]
        assert dict(read_fields(raw)) != fields, at


@pytest.mark.parametrize("piece", [0, 1])
def test_different_fragments_have_different_fields(piece: int) -> None:
    """Each byte of a fragment header shows too, and what is reserved in it."""
    raw = fragment(first_packet(6, "udp", A, B, dport=53, size_bytes=1400), 1280, identification=7)[piece].raw
    fields = dict(read_fields(raw))
    for at in range(40, 48):
        for bit in range(8):
            changed = raw[:at] + bytes((raw[at] ^ 1 << bit,)) + raw[at + 1 :]
            assert dict(read_fields(changed)) != fields, (at, bit)


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmp"])
def test_checksums_hold_or_not(family: Family, protocol: str) -> None:
    raw = first_packet(family, protocol, A, B, dport=None if protocol == "icmp" else 80).raw
    name = f"{protocol}.checksum_holds"
    assert read_fields(raw)[name] is True
    assert read_fields(raw[:-1] + bytes((raw[-1] ^ 1,)))[name] is False


def test_an_absent_checksum_is_right_in_ipv4_alone() -> None:
    for family, holds in ((4, True), (6, False)):
        raw = bytearray(first_packet(family, "udp", A, B, dport=80).raw)
        at = (20 if family == 4 else 40) + 6
        raw[at : at + 2] = bytes(2)
        assert read_fields(bytes(raw))["udp.checksum_holds"] is holds


@pytest.mark.parametrize("family", Family)
def test_of_a_fragment_nobody_can_tell(family: Family) -> None:
    pieces = fragment(first_packet(family, "udp", A, B, dport=80, size_bytes=3000), 1400)
    first, last = read_fields(pieces[0].raw), read_fields(pieces[-1].raw)
    assert first["udp.checksum_holds"] is None
    assert "udp.dport" not in last
    name = "ipv4.fragment_offset" if family is Family.IPV4 else "ipv6.fragment_offset"
    assert first[name] == 0
    assert last[name]


@pytest.mark.parametrize(("family", "kind"), [(4, (11, 0)), (6, (3, 0))])
def test_an_error_shows_what_it_quotes(family: int, kind: tuple[int, int]) -> None:
    probe = first_packet(family, "udp", A, B, dport=53, size_bytes=1400)
    error = icmp_error(probe, src=9, icmp_type=kind[0], icmp_code=kind[1])
    assert error is not None
    fields = read_fields(error.raw)
    assert fields["quote.udp.dport"] == 53
    assert fields["quote.udp.checksum_holds"] is None, "the quote is cut"
    assert fields["icmp.checksum_holds"] is True
