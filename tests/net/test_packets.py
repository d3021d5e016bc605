"""The door to scapy."""

from __future__ import annotations

import pytest
from hypothesis import given
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether

from dsflow.errors import UsageError
from dsflow.net.packet import Packet, bad_checksums
from dsflow.net.packets import from_scapy, rebuild, to_scapy
from tests.net.templates import template
from tests.strategies import packets


@given(packets())
def test_bytes_to_scapy_and_back(packet: Packet) -> None:
    assert from_scapy(to_scapy(packet.raw)) == packet.raw


@given(packets())
def test_right_packets_are_rebuilt_as_they_are(packet: Packet) -> None:
    assert rebuild(packet.raw) == packet.raw


@given(packets())
def test_a_wrong_checksum_is_not_rebuilt(packet: Packet) -> None:
    """So equality with the rebuilt packet says something."""
    at = packet.checksum_at
    wrong = packet.raw[:at] + bytes((packet.raw[at] ^ 0x55, packet.raw[at + 1] ^ 1)) + packet.raw[at + 2 :]
    assert rebuild(wrong) == packet.raw


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmp"])
def test_templates_are_the_contracts_first_packets(protocol: str) -> None:
    ipv4 = {
        "tcp": IP(src="0.0.0.0", dst="0.0.0.0", id=0, flags="DF") / TCP(sport=0, dport=0, window=64240),
        "udp": IP(src="0.0.0.0", dst="0.0.0.0", id=0) / UDP(sport=0, dport=0) / bytes(32),
        "icmp": IP(src="0.0.0.0", dst="0.0.0.0", id=0) / ICMP(id=1, seq=1) / bytes(32),
    }
    ipv6 = {
        "tcp": IPv6(src="::", dst="::") / TCP(sport=0, dport=0, window=64240),
        "udp": IPv6(src="::", dst="::") / UDP(sport=0, dport=0) / bytes(32),
        "icmp": IPv6(src="::", dst="::") / ICMPv6EchoRequest(id=1, seq=1, data=bytes(32)),
    }
    assert template(4, protocol) == bytes(ipv4[protocol])
    assert template(6, protocol) == bytes(ipv6[protocol])
    assert bad_checksums(template(4, protocol)) == bad_checksums(template(6, protocol)) == ()


def test_layers_below_ip_are_left_out_and_the_packet_stays_as_it_is() -> None:
    frame = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)
    raw = from_scapy(frame)
    assert Packet.parse(raw).dport == 2
    assert frame[UDP].chksum is None


def test_an_open_source_is_given_and_never_looked_up() -> None:
    packet = IPv6(dst="2001:db8::1") / TCP(dport=80)
    assert Packet.parse(from_scapy(packet, src="fd00::1")).src == (0xFD00 << 112) + 1
    assert "src" not in packet.fields
    with pytest.raises(UsageError, match="src: the packet leaves it open"):
        from_scapy(packet)


def test_a_given_source_stays() -> None:
    packet = IP(src="10.0.0.1", dst="10.0.0.2") / ICMP()
    assert Packet.parse(from_scapy(packet, src="10.0.0.9")).src == 0x0A000001


def test_an_open_destination_is_refused() -> None:
    with pytest.raises(UsageError, match="dst: the packet leaves it open"):
        from_scapy(IP(src="10.0.0.1") / TCP())


def test_ranges_and_the_other_family_are_refused() -> None:
    with pytest.raises(UsageError, match=r"dst: found .*10.0.0.0/24.*, expected one address"):
        from_scapy(IP(src="10.0.0.1", dst="10.0.0.0/24") / TCP())
    with pytest.raises(UsageError, match="src: found 'fd00::1', expected one address"):
        from_scapy(IP(dst="10.0.0.1") / TCP(), src="fd00::1")


def test_zones_and_lists_are_refused() -> None:
    with pytest.raises(UsageError, match="with a zone"):
        from_scapy(IPv6(src="fe80::1", dst="fe80::2%lo") / TCP())
    with pytest.raises(UsageError, match="expected one address"):
        from_scapy(IP(src="10.0.0.1", dst=["10.0.0.2", "10.0.0.3"]) / TCP())


def test_of_a_tunnel_the_outer_packet_is_taken_and_every_address_must_be_there() -> None:
    inner = IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
    assert from_scapy(IPv6(src="::1", dst="::2") / inner)[:1] == b"\x60"
    with pytest.raises(UsageError, match="src: the packet leaves it open"):
        from_scapy(IPv6(dst="::2") / IP(dst="10.0.0.2") / UDP(), src="::1")


def test_a_packet_without_ip_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a packet with an IP or IPv6 layer"):
        from_scapy(Ether() / ARP())
