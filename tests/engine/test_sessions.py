"""Connections in a row at a translating box: what belongs together, and what only looks alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

import dsflow
from dsflow.dataplane.disposition import Disposition
from dsflow.session import Session

PC, SERVER, WEB, BOX = "192.168.1.2", "192.168.1.80", "203.0.113.80", "203.0.113.10"


@pytest.fixture
def session() -> Iterator[Session]:
    with dsflow.load("nat-box").session() as opened:
        yield opened


def test_an_echo_request_from_outside_is_no_answer(session: Session) -> None:
    """It bears the identifier of a ping that went out, and is for the box all the same (RFC 5508 section 3)."""
    assert session.send("pc", IP(src=PC, dst=WEB) / ICMP(id=8)).round_trip is Disposition.DELIVERED
    chain = session.send("web", IP(src=WEB, dst=BOX) / ICMP(id=8))
    assert chain.traces[0].hops[-1].device == "device/box"
    assert not chain.nat_applied


def test_a_reply_to_nothing_is_part_of_no_connection(session: Session) -> None:
    """An inside host's echo reply does not ride on its request."""
    session.send("pc", IP(src=PC, dst=WEB) / ICMP(id=8))
    chain = session.send("pc", IP(src=PC, dst=WEB) / ICMP(type="echo-reply", id=8))
    assert not chain.nat_applied


def test_a_sender_that_goes_on_before_it_is_answered_is_invalid(session: Session) -> None:
    """Linux takes an ACK after an unanswered SYN for no part of the connection (nf_conntrack_proto_tcp.c)."""
    far = "203.0.113.99"
    session.send("pc", IP(src=PC, dst=far) / TCP(sport=7051, dport=443, flags="S"))
    assert not session.send("pc", IP(src=PC, dst=far) / TCP(sport=7051, dport=443, flags="A")).nat_applied
    assert session.send("pc", IP(src=PC, dst=far) / TCP(sport=7051, dport=443, flags="S")).nat_applied


def test_a_connection_that_was_reset_at_once_is_forgotten(session: Session) -> None:
    """Its port is free again."""
    closed = IP(src=PC, dst=WEB) / TCP(sport=7052, dport=81, flags="S")
    first = session.send("pc", closed).nat_applied[0]
    other = session.send("server", IP(src=SERVER, dst=WEB) / TCP(sport=7052, dport=81, flags="S")).nat_applied[0]
    assert first.after is not None
    assert other.after is not None
    assert (first.after.sport, other.after.sport) == (7052, 7052)


def test_two_senders_cannot_share_one_given_port() -> None:
    """Where a rule gives the port, the second connection to the same peer is dropped in silence."""
    rule = {
        "hook": "postrouting",
        "family": "ipv4",
        "protocol": "udp",
        "action": "snat",
        "to_address": BOX,
        "to_port": 6,
    }
    simulation = dsflow.load("nat-box").what_if({"devices.box.nat": [rule], "devices.box.filters": []})
    with simulation.session() as opened:
        first = opened.send("pc", IP(src=PC, dst=WEB) / UDP(sport=1, dport=53) / b"x")
        second = opened.send("server", IP(src=SERVER, dst=WEB) / UDP(sport=1, dport=53) / b"x")
    assert first.nat_applied
    assert second.disposition is Disposition.NAT_EXHAUSTED
    assert len(second.traces) == 1


def test_an_error_that_is_translated_keeps_its_header(session: Session) -> None:
    """Only addresses, quote and checksum change."""
    session.send("pc", IP(src=PC, dst=WEB) / UDP(sport=7011, dport=53) / b"x")
    quote = IP(src=BOX, dst=WEB, ttl=60) / UDP(sport=7011, dport=53) / b"x"
    error = IP(src=WEB, dst=BOX, id=77, flags="DF", tos=0xC0) / ICMP(type=11) / quote
    (found,) = session.send("web", error).to_packets()[0][-1]
    assert (found.dst, found.id, str(found.flags), found.tos) == (PC, 77, "DF", 0xC0)
    assert bytes(found.payload.payload)[12:16] == bytes(map(int, PC.split(".")))


@pytest.mark.parametrize(("size", "told"), [(1350, 1300), (1428, 1400)])
def test_an_ipv6_sender_is_told_of_the_link_where_that_is_exceeded_too(size: int, told: int) -> None:
    """The link is looked at first, the route's own MTU later (ip6_forward, ip6_finish_output)."""
    route = {"to": "fd00:1:2::/64", "via": "fd00:1:1::2", "mtu": 1300}
    changed = dsflow.load("two-routers").what_if({"devices.r0.routes": [route]})
    packet = IPv6(src="fd00:1::2", dst="fd00:1:2::2") / UDP(sport=9, dport=53) / bytes(size - 48)
    (error,) = changed.send("h0", packet).to_packets()[1][-1]
    assert error[ICMPv6PacketTooBig].mtu == told


@pytest.mark.parametrize("dst", ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::"])
def test_what_is_for_oneself_does_not_leave(dst: str) -> None:
    """Loopback and the unspecified address are the sender itself."""
    source = "fd00:1::2" if ":" in dst else "10.1.0.2"
    layer = IPv6 if ":" in dst else IP
    chain = dsflow.load("two-routers").send("h0", layer(src=source, dst=dst) / UDP(dport=9) / b"x")
    assert [hop.device for hop in chain.traces[0].hops] == ["device/h0"]
