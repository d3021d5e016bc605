"""Redirects: where they are expected, and what the kernel's limits leave of them."""

from __future__ import annotations

import dsflow
from dsflow.lab.compare import Caught
from dsflow.lab.redirects import Limits, Redirected, Told, compared, expected_redirects, note_others, seen_redirects
from dsflow.net.address import Address
from dsflow.net.build import first_packet, icmp_error

HOST, OTHER = Address.parse("10.7.0.10"), Address.parse("10.8.5.10")
TOLD = Told("device/r0", HOST.packed)
NOTE = Redirected(TOLD, OTHER.packed, 1)
SIX = Redirected(Told("device/r0", Address.parse("fd00::1").packed), Address.parse("fd00::2").packed, 1)


def everything(_told: Told) -> bool:
    return True


def test_a_hop_that_sends_back_is_expected_to_tell() -> None:
    chain = dsflow.load("lan-segment").trace("device/h0", "10.8.5.10", family=4, tcp=80)
    noted = [
        hop.device
        for trace in chain.traces
        for hop in trace.hops
        if any(step.stage == "redirect" for step in hop.steps)
    ]
    assert noted
    assert [redirected.told.device for redirected in expected_redirects(chain)] == noted
    assert list(expected_redirects(dsflow.load("two-routers").trace("device/h0", "10.1.2.2", family=4, udp=53))) == []


def test_what_leaves_is_seen_and_to_whom() -> None:
    packet = first_packet(4, "udp", HOST.value, OTHER.value, dport=53)
    redirect = icmp_error(packet, src=OTHER.value, icmp_type=5, icmp_code=1)
    assert redirect is not None
    leaving = Caught("device/r0", "e0", "out", redirect.raw)
    arriving = leaving._replace(device="device/h0", direction="in")
    assert seen_redirects([leaving, arriving, leaving._replace(raw=packet.raw)]) == {TOLD}


def test_a_fabric_that_hands_one_on_within_a_subnet_tells_nobody() -> None:
    packet = first_packet(4, "udp", HOST.value, OTHER.value, dport=53)
    redirect = icmp_error(packet, src=OTHER.value, icmp_type=5, icmp_code=1)
    assert redirect is not None
    leaving = Caught("device/r0", "e0", "out", redirect.raw)
    passing = [Caught("vcn/oke", "subnet/pods", way, redirect.raw) for way in ("in", "out")]
    assert seen_redirects([leaving, *passing]) == {TOLD}


def test_agreement_and_both_differences() -> None:
    assert compared([NOTE], {TOLD}, Limits(), everything, 0.0) == (1, 0, [])
    assert compared([], set(), Limits(), everything, 0.0) == (0, 0, [])
    assert compared([NOTE], set(), Limits(), everything, 0.0)[2] == [
        "redirect: device/r0 to 10.7.0.10 expected, none seen"
    ]
    assert compared([], {TOLD}, Limits(), everything, 0.0)[2] == [
        "redirect: none expected, device/r0 to 10.7.0.10 seen"
    ]


def test_what_a_rule_may_have_held_back_is_not_compared() -> None:
    assert compared([NOTE], set(), Limits(), lambda _told: False, 0.0) == (0, 1, [])


def test_ipv4_pauses_and_ends_after_nine() -> None:
    limits, now = Limits(), 100.0
    assert limits.allow(NOTE, now)
    limits.sent(NOTE, now)
    assert not limits.allow(NOTE, now + 0.2), "the pause is not known exactly, so the longest is waited for"
    assert limits.allow(NOTE, now + 11)
    for _ in range(9):
        limits.sent(NOTE, now)
    assert not limits.allow(NOTE, now + 15)
    assert limits.allow(NOTE, now + 25), "all is forgotten"
    limits.disturbed(TOLD, now + 20)
    assert not limits.allow(NOTE, now + 25)


def test_ipv6_has_six_and_one_a_second() -> None:
    limits, now = Limits(), 100.0
    for _ in range(5):
        assert limits.allow(SIX, now)
        limits.sent(SIX, now)
    limits.sent(SIX, now)
    assert not limits.allow(SIX, now + 0.9)
    assert limits.allow(SIX, now + 1.2)


def test_other_errors_take_from_ipv6s_limit_too() -> None:
    limits = Limits()
    limits.disturbed(SIX.told, 100.0)
    assert not limits.allow(SIX, 100.5)
    chain = dsflow.load("two-routers").trace("device/h0", "device/h2", family=6, udp=54)
    limits = Limits()
    h0 = Address.parse("fd00:1::2")
    (error,) = (trace for trace in chain.traces if trace.direction == "error")
    teller = error.hops[0].device
    assert limits.allow(Redirected(Told(teller, h0.packed), SIX.destination, 1), 100.5)
    note_others(chain, [Caught(teller, "e0", "out", error.hops[0].packets_out[0])], limits, 100.0)
    assert not limits.allow(Redirected(Told(teller, h0.packed), SIX.destination, 1), 100.5)


def test_a_sender_that_is_the_destination_needs_two() -> None:
    limits = Limits()
    limits.disturbed(SIX.told, 100.0)
    both = SIX._replace(destination=SIX.told.receiver)
    assert not limits.allow(both, 101.5)
    assert limits.allow(both, 102.5)
