"""ICMP errors through a translator and of a translator, packets that come back, and what prerouting sees."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from tests.kernel.codes import HOP_LIMIT, NEIGHBOUR, PORT, TOO_BIG
from tests.kernel.facts import shows
from tests.kernel.networks import (
    BITS,
    BOTH,
    CLIENT,
    H0,
    H2,
    R0,
    R0_FAR,
    R1,
    SERVER,
    VIP,
    Data,
    chain,
    lan,
    masquerading,
)
from tests.kernel.packets import answers, arrived, datagram, ended, error, errors, left, segment, sent, told

NOBODY = {4: "10.0.1.77", 6: "fd00:b::77"}


def _to(family: int, target: dict[int, str], hook: str = "prerouting", **more: Any) -> Data:
    """A rule that makes ``target`` of the virtual address."""
    return {
        "hook": hook,
        "to": f"{VIP[family]}/{BITS[family]}",
        "action": "dnat",
        "to_address": target[family],
        **more,
    }


def _virtual(family: int, target: dict[int, str] = H2, **more: Any) -> Simulation:
    """The chain with a virtual address at r0."""
    return dsflow.load(chain(r0={"nat": [_to(family, target, **more)]}))


@BOTH
@shows("16-back")
def test_an_error_from_beyond_is_translated_back(family: int) -> None:
    """Outside it quotes the translated packet, inside the original one; its maker stays."""
    found = dsflow.load(masquerading()).send("h0", datagram(family, H0, H2))
    assert (error(found).told, error(found).dst, error(found).quote.src) == (
        PORT[family],
        R0_FAR[family],
        R0_FAR[family],
    )
    inside = told(found)
    assert (inside.src, inside.dst, inside.quote.src, inside.quote.dst) == (
        H2[family],
        H0[family],
        H0[family],
        H2[family],
    )
    assert (inside.quote.ports, inside.quote.ttl, inside.ttl) == ((40000, 9), 62, 62)
    assert inside.checksums_hold
    assert error(found).checksums_hold


@BOTH
@shows("16-back")
def test_the_port_in_the_quote_is_translated_back(family: int) -> None:
    """Where the source was given another one."""
    with dsflow.load(masquerading()).session() as session:
        session.send("h1", datagram(family, {4: "10.0.0.3", 6: "fd00:a::3"}, H2))
        found = session.send("h0", datagram(family, H0, H2))
    assert error(found).quote.ports[0] != 40000
    assert told(found).quote.ports == (40000, 9)
    assert told(found).checksums_hold


@BOTH
@shows("16-back", "16-own-source")
def test_a_router_beyond_speaks_in_its_own_name(family: int) -> None:
    """Hop limit and size: source translation changes nobody's errors toward the inside but their quotes."""
    found = dsflow.load(masquerading()).send("h0", datagram(family, H0, H2, ttl=2))
    assert (sent(found), told(found).told, told(found).src) == ("r1", HOP_LIMIT[family], R1[family])
    assert (told(found).quote.src, told(found).quote.ttl) == (H0[family], 1)


@BOTH
@shows("16-own-source")
def test_the_translators_own_errors_about_checks(family: int) -> None:
    """They come before the source is translated: as without translation."""
    net = dsflow.load(masquerading(r0={"interfaces": {"e1": {"mtu": 1400}}}, r1={"interfaces": {"e0": {"mtu": 1400}}}))
    expired = net.send("h0", datagram(family, H0, H2, ttl=1))
    assert (expired.disposition, error(expired).src, error(expired).quote.src) == (
        "hop-limit-exceeded",
        R0[family],
        H0[family],
    )
    large = net.send("h0", datagram(family, H0, H2, size=1450, df=True))
    assert (error(large).told, error(large).src, error(large).quote.src) == (TOO_BIG[family], R0[family], H0[family])


@BOTH
@shows("16-own-source")
def test_the_translators_error_about_a_failed_neighbour(family: int) -> None:
    """It comes after: from the translated source, quoting the original packet, lowered."""
    found = dsflow.load(masquerading()).send("h0", datagram(family, H0, NOBODY))
    assert (found.disposition, told(found).told) == ("neighbor-unreachable", NEIGHBOUR[family])
    assert (told(found).src, told(found).dst) == (R0_FAR[family], H0[family])
    assert (told(found).quote.src, told(found).quote.ttl) == (H0[family], 63)


@BOTH
@pytest.mark.parametrize("ttl", [1, 2, 64])
@shows("16-virtual")
def test_every_error_comes_from_the_virtual_address(family: int, ttl: int) -> None:
    """The translator's, a router's, the server's: all speak as the address that was asked."""
    found = _virtual(family).send("h0", datagram(family, H0, VIP, ttl=ttl))
    assert sent(found) == {1: "r0", 2: "r1", 64: "h2"}[ttl]
    assert told(found).told == (PORT if ttl == 64 else HOP_LIMIT)[family]
    assert (told(found).src, told(found).quote.dst, told(found).quote.src) == (VIP[family], VIP[family], H0[family])
    assert told(found).checksums_hold


@BOTH
@shows("16-virtual")
def test_the_virtual_port_stands_in_the_quote(family: int) -> None:
    """As the client asked for it."""
    net = _virtual(family, protocol="udp", dport=5353, to_port=9)
    found = net.send("h0", datagram(family, H0, VIP, dport=5353))
    assert error(found).quote.ports == (40000, 9)
    assert (told(found).src, told(found).quote.ports) == (VIP[family], (40000, 5353))


@BOTH
@shows("16-virtual")
def test_a_filters_refusals_come_from_the_virtual_address(family: int) -> None:
    """Errors and resets."""
    for action, packet in (("reject", datagram(family, H0, VIP)), ("reject-tcp-reset", segment(family, H0, VIP))):
        rule = {"hook": "forward", "protocol": "udp" if action == "reject" else "tcp", "action": action}
        net = dsflow.load(chain(r0={"nat": [_to(family, H2)], "filters": [rule]}))
        found = net.send("h0", packet)
        refusal = arrived(found.traces[1])[0]
        assert (found.disposition, refusal.src, refusal.ttl) == ("denied-forward", VIP[family], 64)


@pytest.mark.parametrize("virtual", [False, True])
@shows("16-own-source", "16-virtual")
def test_the_translators_error_about_an_answer(virtual: bool) -> None:
    """Too big for the way back: it comes from its own address, and quotes what the server sent."""
    narrow = {"to": "10.0.0.2/32", "interface": "e0", "mtu": 1300}
    rule = _to(4, H2) if virtual else {"hook": "postrouting", "out_interface": "e1", "action": "masquerade"}
    net = dsflow.load(chain(r0={"nat": [rule], "routes": [narrow]}))
    found = net.send("h0", datagram(4, H0, VIP if virtual else H2, size=1400, dport=53))
    assert (found.disposition, found.round_trip) == ("delivered", "return-lost")
    assert (sent(found), error(found).told, error(found).mtu) == ("r0", TOO_BIG[4], 1300)
    assert (told(found).src, told(found).dst) == (R0_FAR[4], H2[4])
    assert (told(found).quote.src, told(found).quote.dst) == (H2[4], H0[4] if virtual else R0_FAR[4])


@BOTH
@shows("17-hairpin")
def test_a_server_on_the_clients_link_answers_past_the_translator(family: int) -> None:
    """The client awaits no such answer; TCP resets it."""
    net = dsflow.load(lan(r={"nat": [_to(family, SERVER)]}))
    found = net.send("c", segment(family, CLIENT, VIP))
    assert (found.disposition, found.round_trip) == ("delivered", "return-lost")
    asked = arrived(found.traces[0])[0]
    assert (asked.src, asked.dst, asked.ttl) == (CLIENT[family], SERVER[family], 63)
    (answer,) = answers(found)
    assert [hop.device for hop in answer.hops] == ["device/s", "device/c"]
    assert (arrived(answer)[0].src, answer.disposition) == (SERVER[family], "no-listener")


@BOTH
@shows("17-hairpin")
def test_with_source_translation_the_answer_comes_back(family: int) -> None:
    """The server sees the translator, and the client the virtual address."""
    masquerade = {"hook": "postrouting", "action": "masquerade"}
    found = dsflow.load(lan(r={"nat": [_to(family, SERVER), masquerade]})).send("c", segment(family, CLIENT, VIP))
    assert found.round_trip == "delivered"
    assert arrived(found.traces[0])[0].src == R0[family]
    answer = arrived(answers(found)[0])[0]
    assert (answer.src, answer.ttl) == (VIP[family], 63)


@BOTH
@shows("17-own-back")
def test_a_packet_that_comes_back_to_its_sender(family: int) -> None:
    """IPv4 drops its own source as a martian; IPv6 takes the packet, and tells itself of a closed port."""
    found = dsflow.load(lan(r={"nat": [_to(family, CLIENT)]})).send("c", datagram(family, CLIENT, VIP))
    assert ended(found) == "c"
    back = arrived(found.traces[0])[0]
    assert (back.src, back.dst, back.ttl) == (CLIENT[family], CLIENT[family], 63)
    assert found.disposition == ("source-check-failed" if family == 4 else "no-listener")
    assert len(errors(found)) == (0 if family == 4 else 1)


@BOTH
@shows("18-not-own")
def test_prerouting_does_not_see_the_boxs_own_packets(family: int) -> None:
    """For these there is the hook output, which needs a route to the address asked."""
    assert _virtual(family).send("r0", datagram(family, R0, VIP)).disposition == "no-route"
    rule = _to(family, H2, hook="output")
    unrouted = dsflow.load(chain(r0={"nat": [rule]}))
    assert unrouted.send("r0", datagram(family, R0, VIP)).disposition == "no-route"
    routed = {"to": f"{VIP[family]}/{BITS[family]}", "via": H0[family]}
    net = dsflow.load(chain(r0={"nat": [rule], "routes": [routed]}))
    found = net.send("r0", datagram(family, R0, VIP, dport=53))
    assert (found.disposition, ended(found)) == ("delivered", "h2")
    assert (found.round_trip, errors(found)) == ("delivered", [])
    (packet,) = left(found.traces[0])
    assert (packet.src, packet.dst, packet.ttl) == (R0[family], H2[family], 64)
    assert found.traces[0].hops[0].out_interface == "e1"
