"""Packets too large for a link: refused with an error, divided by routers or at the source, put together again."""

from __future__ import annotations

import pytest

from dsflow.dataplane.disposition import Disposition
from dsflow.net.packet import Packet
from dsflow.trace.step import Effect
from dsflow.trace.trace import Direction
from tests.cases import (
    CLIENT,
    DNS,
    LOCAL_DNS,
    POD,
    SERVICE_GATEWAY,
    WEB,
    arrived,
    by_family,
    gua,
    kinds,
    left,
    sydney,
    way,
)

FAMILIES = pytest.mark.parametrize("family", [4, 6])


def _told_mtu(raw: bytes) -> int:
    """The MTU in an ICMP error: RFC 1191 section 4 and RFC 4443 section 3.2."""
    packet = Packet.parse(raw)
    return int.from_bytes(raw[packet.transport + 4 : packet.transport + 8], "big")


@FAMILIES
@pytest.mark.parametrize("options", [{"udp": 53, "df": True}, {"tcp": 443}, {"icmp": True, "df": True}])
def test_too_big_for_the_internet_is_refused_at_the_gateway(family: int, options: dict[str, int]) -> None:
    """9000 bytes pass inside the VCN; the gateway tells the sender 1500 (path MTU discovery)."""
    chain = by_family(family).trace(POD, WEB, family=family, size=9000, **options)
    forward, error = chain.traces
    assert chain.disposition is Disposition.TOO_BIG
    assert kinds(forward) == ["pod", "node", "vcn", "natgw" if family == 4 else "igw"]
    assert (error.direction, error.disposition, error.cause) == (Direction.ERROR, Disposition.DELIVERED, (0, 3))
    message = left(error.hops[0]).icmp
    assert message is not None
    assert (message.type, message.code) == ((3, 4) if family == 4 else (2, 0))
    assert _told_mtu(error.hops[-1].packets_in[0]) == 1500
    assert left(error.hops[0]).length <= (576 if family == 4 else 1280)
    assert forward.mend == "send at most 1500 bytes"


def test_ipv6_is_never_divided_on_the_way() -> None:
    """Without asking for it IPv6 is refused at a router (RFC 8200 section 5); IPv4 without DF is not."""
    assert gua().trace(POD, WEB, family=6, udp=53, size=9000).disposition is Disposition.TOO_BIG
    assert sydney().trace(POD, WEB, family=4, udp=53, size=9000).disposition is Disposition.DELIVERED


def test_the_gateway_divides_ipv4_and_the_receiver_puts_it_together() -> None:
    """Seven pieces leave the NAT gateway; the echo is divided at the host and comes back whole."""
    chain = sydney().trace(POD, WEB, family=4, udp=53, size=9000)
    forward, reply = chain.traces
    assert chain.round_trip is Disposition.DELIVERED
    assert [len(hop.packets_out) for hop in forward.hops] == [1, 1, 1, 7, 0]
    assert len(forward.hops[-1].packets_in) == 7
    assert max(map(len, forward.hops[-1].packets_in)) <= 1500
    assert forward.hops[3].steps[-1].stage == "fragment"
    assert [len(hop.packets_out) for hop in reply.hops] == [7, 7, 7, 7, 0]
    whole = sum(len(raw) - 20 for raw in reply.hops[-1].packets_in)
    assert whole == 9000 - 20
    assert all(
        Packet.parse(raw).dst == Packet.parse(reply.hops[-1].packets_in[0]).dst for raw in reply.hops[-1].packets_in
    )


@FAMILIES
def test_an_internet_host_divides_at_the_source(family: int) -> None:
    """A host may divide what it sends itself, in IPv6 too (RFC 8200 section 4.5); the pod gets it whole."""
    target = LOCAL_DNS if family == 6 else "203.0.113.77"
    change = {} if family == 6 else {
        "nodes.node-1.public_ipv4": "203.0.113.77",
        'route_tables.nodes.rules."0.0.0.0/0"': "igw/igw",
        "nodes.node-1.listen": ["udp/53"],
    }  # fmt: skip
    chain = by_family(family).what_if(change).trace(CLIENT, target, family=family, udp=53, size=4000)
    forward = chain.traces[0]
    assert chain.disposition is Disposition.DELIVERED
    assert {len(hop.packets_out) for hop in forward.hops[:-1]} == {3}
    assert forward.hops[0].steps[-1].stage == "fragment"
    assert left(forward.hops[0]).length <= 1500
    assert chain.round_trip is Disposition.RETURN_LOST  # a UDP socket does not let its answers be divided on the way
    reply, error = chain.traces[1:]
    assert reply.disposition is Disposition.TOO_BIG
    assert error.cause == (1, len(reply.hops) - 1)
    assert _told_mtu(error.hops[-1].packets_in[0]) == 1500


@FAMILIES
def test_pods_divide_what_their_own_link_does_not_take(family: int) -> None:
    """10,000 bytes cross the VCN in two pieces, and so does the echo."""
    chain = by_family(family).trace(POD, DNS, family=family, udp=53, size=10_000)
    assert chain.round_trip is Disposition.DELIVERED
    for trace in chain.traces:
        assert {len(hop.packets_out) for hop in trace.hops[:-1]} == {2}


@FAMILIES
def test_a_tcp_segment_larger_than_the_first_link_is_not_sent(family: int) -> None:
    """TCP makes segments that fit: one hop, no error to anybody."""
    chain = by_family(family).trace(POD, DNS, family=family, tcp=53, size=9001)
    assert chain.disposition is Disposition.TOO_BIG
    assert [way(trace) for trace in chain.traces] == [[POD]]


def test_a_divided_packet_that_is_refused_is_refused_once() -> None:
    """A datagram in pieces that a device drops has one refusing step, whatever the number of pieces."""
    chain = sydney().trace(POD, WEB, family=6, udp=53, size=9500)
    assert chain.disposition is Disposition.SCOPE_UNROUTABLE
    last = chain.traces[0].hops[-1]
    assert len(last.packets_in) == 2
    assert [step.effect for step in last.steps].count(Effect.DROP) == 1


def test_pieces_run_out_of_hops_together() -> None:
    """The first piece to expire ends the datagram, with one error."""
    chain = sydney().trace(POD, DNS, family=4, udp=53, size=9500, ttl=1)
    assert chain.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert [trace.direction for trace in chain.traces] == [Direction.FORWARD, Direction.ERROR]


def test_half_a_datagram_is_never_delivered() -> None:
    """A lone piece reaches the host and waits there in vain."""
    whole = sydney().trace(CLIENT, WEB, family=4, udp=53, size=4000)
    first, *_ = whole.traces[0].hops[0].packets_out
    chain = sydney().send(CLIENT, first)
    assert chain.disposition is not Disposition.DELIVERED
    assert chain.traces[0].hops[-1].device == WEB


def test_the_service_gateway_has_the_internets_mtu() -> None:
    """A large packet to an Oracle service is refused as it is at the other gateways."""
    chain = sydney().what_if(SERVICE_GATEWAY).trace(POD, "internet/objects", family=4, udp=443, size=3000, df=True)
    assert chain.disposition is Disposition.TOO_BIG
    assert arrived(chain.traces[0].hops[-1]).length == 3000
    assert chain.traces[0].hops[-1].device == "sgw/sgw"


@FAMILIES
def test_a_pattern_seen_before_is_told_like_the_first(family: int) -> None:
    """The second packet to a destination has the steps of the first, word for word."""
    simulation = by_family(family).what_if({})
    one, two = (simulation.trace(POD, DNS, family=family, udp=53, sport=port) for port in (5000, 5000))
    assert [hop.steps for trace in one.traces for hop in trace.hops] == [
        hop.steps for trace in two.traces for hop in trace.hops
    ]
    short = simulation.trace(POD, DNS, family=family, udp=53, ttl=1)
    assert short.disposition is Disposition.HOP_LIMIT_EXCEEDED
    large = simulation.trace(POD, DNS, family=family, udp=53, size=9500)
    assert len(large.traces[0].hops[1].packets_in) == 2
