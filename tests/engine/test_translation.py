"""Sessions through the NAT gateway: ports, echo identifiers, and the errors that quote what was translated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dsflow import Simulation
from dsflow.dataplane.action import Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatKind, NatRow, PortPool
from dsflow.dataplane.tables import Confirm, Nat, Track
from dsflow.net.address import Address, Family
from dsflow.net.ranges import PortRange
from dsflow.net.wire import bad_checksums
from dsflow.trace.trace import Direction
from tests.cases import (
    CLIENT,
    MATE,
    NAT_ADDRESS,
    POD,
    PUBLIC_NODE,
    REMOTE,
    WEB,
    arrived,
    kinds,
    left,
    quote_in,
    sydney,
)

POD_ADDRESS = Address.parse("100.0.5.102").value


def _with_pool(pool: PortPool) -> Simulation:
    """The article's cluster with another pool at its NAT gateway."""
    simulation = sydney()
    device = simulation.dataplane["natgw/nat"]
    table = device.leave[0]
    assert isinstance(table, Nat)
    rows = tuple(replace(row, pool=pool) for row in table.rows)
    smaller = replace(device, leave=(replace(table, rows=rows), *device.leave[1:]))
    return simulation.with_dataplane(simulation.dataplane.replacing(smaller))


# --- connections ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"tcp": 443}, {"udp": 53}])
def test_source_and_port_are_exchanged_and_the_reply_finds_back(options: dict[str, int]) -> None:
    """The Internet sees the gateway's address and a port of its pool; the pod sees its own."""
    chain = sydney().trace(POD, WEB, family=4, **options)
    forward, reply = chain.traces
    outside = arrived(forward.hops[-1])
    assert (outside.src, outside.dst) == (NAT_ADDRESS, "198.51.100.80")
    assert outside.sport is not None
    assert 1024 <= outside.sport <= 65535
    assert (left(reply.hops[0]).dst, left(reply.hops[0]).dport) == (NAT_ADDRESS, outside.sport)
    assert (arrived(reply.hops[-1]).dst, arrived(reply.hops[-1]).dport) == ("100.0.5.102", 40000)
    assert [(row.kind, row.direction) for row in chain.nat_applied] == [
        (NatKind.GATEWAY_SNAT, Direction.FORWARD),
        (NatKind.GATEWAY_SNAT, Direction.REPLY),
    ]
    assert "a session awaits" in chain.nat_applied[1].reason


def test_an_echos_identifier_is_its_port() -> None:
    """RFC 5508 section 3.1: the identifier is exchanged on the way out and restored on the way back."""
    chain = sydney().trace(POD, WEB, family=4, icmp=True, sport=77)
    forward, reply = chain.traces
    sent, outside = left(forward.hops[0]).icmp, arrived(forward.hops[-1]).icmp
    back = arrived(reply.hops[-1]).icmp
    assert sent is not None
    assert outside is not None
    assert back is not None
    assert (sent.id, back.id) == (77, 77)
    assert outside.id != 77
    natgw = forward.hops[3]
    changed = {change.field for step in natgw.steps for change in step.changes}
    assert changed == {"ttl", "src", "icmp.id"}


def test_one_connection_keeps_its_port_for_as_long_as_the_session() -> None:
    """A second packet of a connection follows the session of the first, without another port."""
    with sydney().session() as session:
        one, two = (session.trace(POD, WEB, family=4, tcp=443) for _ in range(2))
    assert one.nat_applied == two.nat_applied


def test_two_pods_with_one_port_get_two() -> None:
    """Equal source ports of two pods are told apart by the gateway's ports."""
    with sydney().session() as session:
        ports = {
            left(session.trace(pod, WEB, family=4, tcp=443, sport=40000).traces[0].hops[3]).sport
            for pod in (POD, MATE, REMOTE)
        }
    assert len(ports) == 3


def test_questions_outside_a_session_start_afresh() -> None:
    """Two questions in one session take two ports of a pool of two; without a session each takes the first."""
    simulation = _with_pool(PortPool(first=5000, last=5001))
    alone = {left(simulation.trace(POD, WEB, family=4, tcp=443).traces[0].hops[3]).sport for _ in range(2)}
    assert len(alone) == 1
    with simulation.session() as session:
        both = {left(session.trace(pod, WEB, family=4, tcp=443).traces[0].hops[3]).sport for pod in (POD, MATE)}
    assert both == {5000, 5001}


# --- exhaustion ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"tcp": 443}, {"udp": 53}, {"icmp": True}])
def test_a_destination_takes_so_many_connections_and_no_more(options: dict[str, Any]) -> None:
    """Each protocol to each destination has its own number; the connection above it is refused."""
    simulation = _with_pool(PortPool(per_destination=3))
    with simulation.session() as session:
        ends = [session.trace(POD, WEB, family=4, sport=2000 + n, **options).disposition for n in range(4)]
        assert ends == [Disposition.DELIVERED] * 3 + [Disposition.NAT_EXHAUSTED]
        again = session.trace(POD, WEB, family=4, sport=2000, **options)
        assert again.disposition is Disposition.DELIVERED  # an old connection goes on
        other = session.trace(POD, CLIENT, family=4, icmp=True)
        assert other.disposition is Disposition.DELIVERED
    refused = simulation.session()
    for number in range(3):
        refused.trace(POD, WEB, family=4, sport=number + 1, **options)
    chain = refused.trace(POD, WEB, family=4, sport=9, **options)
    assert chain.forward.hops[-1].device == "natgw/nat"
    assert chain.forward.hops[-1].steps[-2].rule == "natgw/nat"
    assert "nat-ports-per-destination" in chain.assumptions


def test_a_pool_that_evicts_forgets_its_oldest_connection() -> None:
    """The newcomer is served; what answers the one that gave way is no longer expected, and the others go on."""
    simulation = _with_pool(PortPool(first=5000, last=5999, per_destination=3, evicts=True))
    with simulation.session() as session:
        first = [session.trace(POD, WEB, family=4, tcp=443, sport=2000 + n) for n in range(4)]
        assert {chain.round_trip for chain in first} == {"delivered"}
        answers = [chain.traces[1].hops[0].packets_out[0] for chain in first]
        found = [session.send(WEB, answer).disposition for answer in answers]
        assert found[0] == "denied-ingress"
        assert all(disposition != "denied-ingress" for disposition in found[1:])
        assert session.trace(POD, WEB, family=4, tcp=80, sport=9).round_trip == "delivered"


def test_a_pool_without_a_free_port_is_exhausted_too() -> None:
    """Two ports serve two connections to one destination, and two more to another."""
    simulation = _with_pool(PortPool(first=5000, last=5001))
    with simulation.session() as session:
        ends = [session.trace(POD, WEB, family=4, tcp=443, sport=n).disposition for n in (1, 2, 3)]
        assert ends[1:] == [Disposition.DELIVERED, Disposition.NAT_EXHAUSTED]
        assert session.trace(POD, WEB, family=4, tcp=80, sport=3).disposition is Disposition.DELIVERED


def test_the_real_pool_takes_20000_connections_to_one_destination() -> None:
    """The 20,001st to one address and port is refused, while another destination still works."""
    with sydney().session() as session:
        for number in range(20_000):
            chain = session.trace(POD if number % 2 else MATE, WEB, family=4, tcp=443, sport=1024 + number)
            assert chain.disposition is Disposition.DELIVERED
        last = session.trace(POD, WEB, family=4, tcp=443, sport=60_000)
        assert last.disposition is Disposition.NAT_EXHAUSTED
        assert "20,000 connections" in last.traces[-1].reason
        assert last.nat_applied == ()
        assert session.trace(POD, WEB, family=4, tcp=80, sport=60_000).round_trip is Disposition.DELIVERED


# --- what nobody asked for -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"tcp": 80}, {"udp": 53}, {"icmp": True}])
def test_unsolicited_packets_to_the_gateway_are_denied(options: dict[str, int]) -> None:
    """A NAT gateway admits no connection from outside."""
    chain = sydney().trace(CLIENT, NAT_ADDRESS, family=4, **options)
    assert chain.disposition is Disposition.DENIED_INGRESS
    assert kinds(chain.traces[0]) == ["internet", "natgw"]
    assert len(chain.traces) == 1


def test_a_stranger_cannot_use_somebody_elses_session() -> None:
    """A session is for the host that it was opened to, not for whoever finds the port."""
    with sydney().session() as session:
        opened = session.trace(POD, WEB, family=4, tcp=443)
        port = left(opened.traces[0].hops[3]).sport
        assert port is not None
        stranger = session.trace(CLIENT, NAT_ADDRESS, family=4, tcp=port, sport=443)
    assert stranger.disposition is Disposition.DENIED_INGRESS


# --- errors --------------------------------------------------------------------------------------------------


def test_a_closed_udp_port_on_the_internet_is_told_to_the_pod() -> None:
    """The port unreachable goes to the gateway's address and on to the pod, its quote as the pod sent it."""
    chain = sydney().trace(POD, WEB, family=4, udp=9)
    forward, error = chain.traces
    assert chain.disposition is Disposition.NO_LISTENER
    assert (error.direction, error.disposition) == (Direction.ERROR, Disposition.DELIVERED)
    assert error.cause == (0, 4)
    message = arrived(error.hops[-1])
    assert (message.src, message.dst) == ("198.51.100.80", "100.0.5.102")
    assert message.icmp is not None
    assert (message.icmp.type, message.icmp.code) == (3, 3)
    quote = quote_in(error)
    assert (quote.src, quote.sport, quote.dport) == (POD_ADDRESS, 40000, 9)
    assert left(error.hops[0]).dst == NAT_ADDRESS
    assert all(bad_checksums(raw) == () for hop in error.hops for raw in hop.packets_in)
    assert [row.direction for row in chain.nat_applied] == [Direction.FORWARD, Direction.ERROR]
    assert forward.hops[-1].steps[-1].effect == "reject"


def test_a_closed_tcp_port_on_the_internet_resets_the_pods_connection() -> None:
    """A reset is a reply and follows the session."""
    chain = sydney().trace(POD, WEB, family=4, tcp=9)
    assert [trace.direction for trace in chain.traces] == [Direction.FORWARD, Direction.REPLY]
    assert chain.round_trip is None
    reset = chain.to_packets()[1][-1][0]
    assert str(reset["TCP"].flags) == "RA"
    assert (reset.dst, reset["TCP"].dport) == ("100.0.5.102", 40000)


def test_an_error_about_a_reply_leaves_as_the_address_that_the_other_end_knows() -> None:
    """A reply that dies behind the gateway is reported from the gateway's own address."""
    simulation = sydney()
    session = simulation.session()
    opened = session.trace(POD, WEB, family=4, udp=53)
    reply = opened.traces[1].hops[0].packets_out[0]
    short = bytearray(reply)
    short[8], short[10:12] = 3, b"\0\0"  # two routed hops: it ends at the node
    from scapy.layers.inet import IP

    packet = IP(bytes(short))
    del packet.chksum
    chain = session.send(WEB, packet)
    forward, error = chain.traces
    assert forward.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert forward.hops[-1].device == "node/node-1"
    assert error.direction is Direction.ERROR
    assert error.disposition is Disposition.DELIVERED
    assert arrived(error.hops[-1]).src == NAT_ADDRESS
    quote = quote_in(error)
    assert quote.dst == Address.parse(NAT_ADDRESS).value
    assert quote.dport == left(opened.traces[0].hops[3]).sport


def test_a_destination_translation_is_undone_on_the_way_back() -> None:
    """Prerouting leads a connection elsewhere, and the answer comes from where the client asked."""
    simulation = sydney()
    node = simulation.dataplane["node/node-1"]
    row = NatRow(
        kind=NatKind.SERVICE_DNAT,
        match=Match(family=Family.IPV4, protocol=6, dport=PortRange(8080, 8080)),
        rule=Rule(id="planted", reason="{dst} stands for {dst} port 80"),
        address=Address.parse("100.0.5.215").value,
        port=80,
    )
    receive = (Track(), Nat(hook="prerouting", rows=(row,)), *node.receive)
    tables = receive, (*node.leave, Nat(hook="postrouting", rows=()), Confirm())
    other = simulation.with_dataplane(simulation.dataplane.replacing(replace(node, receive=tables[0], leave=tables[1])))
    chain = other.trace(POD, REMOTE, family=4, tcp=8080)
    assert chain.round_trip is Disposition.DELIVERED
    forward, reply = chain.traces
    assert forward.hops[-1].device == MATE
    answer = arrived(reply.hops[-1])
    assert (answer.src, answer.sport) == ("100.0.5.106", 8080)
    assert [row.rule for row in chain.nat_applied] == ["planted", "planted"]


# --- one to one ----------------------------------------------------------------------------------------------


def test_a_public_address_stands_for_a_private_one_both_ways() -> None:
    """The Internet gateway exchanges addresses and leaves ports alone, from inside and from outside."""
    simulation = sydney().what_if(PUBLIC_NODE)
    out = simulation.trace("node/node-1", WEB, family=4, tcp=443)
    assert out.round_trip is Disposition.DELIVERED
    assert (arrived(out.traces[0].hops[-1]).src, arrived(out.traces[0].hops[-1]).sport) == ("203.0.113.77", 40000)
    into = simulation.trace(CLIENT, "node/node-1", family=4, tcp=22)
    assert into.round_trip is Disposition.DELIVERED
    assert left(into.traces[0].hops[0]).dst == "203.0.113.77"
    assert arrived(into.traces[0].hops[-1]).dst == "100.0.3.90"
    for chain in (out, into):
        assert chain.nat_kinds == (NatKind.PUBLIC_IP_ONE_TO_ONE,)
        assert len(chain.nat_applied) == 2


def test_a_public_address_is_reached_from_inside_by_both_gateways() -> None:
    """A pod that asks a node's public address leaves by NAT and comes back by the Internet gateway."""
    chain = sydney().what_if(PUBLIC_NODE).trace(POD, "203.0.113.77", family=4, tcp=22)
    assert kinds(chain.traces[0]) == ["pod", "node", "vcn", "natgw", "igw", "vcn", "node"]
    assert chain.round_trip is Disposition.DELIVERED
    assert chain.nat_kinds == (NatKind.GATEWAY_SNAT, NatKind.PUBLIC_IP_ONE_TO_ONE)


def test_a_public_address_is_exchanged_in_quotes_too() -> None:
    """The error about a packet to a public address quotes that packet as its sender knows it (RFC 5508 section 4.2)."""
    chain = sydney().what_if(PUBLIC_NODE).trace(CLIENT, "node/node-1", family=4, udp=9)
    error = chain.traces[-1]
    assert (error.direction, error.disposition) == (Direction.ERROR, Disposition.DELIVERED)
    assert arrived(error.hops[-1]).src == "203.0.113.77"
    assert quote_in(error).dst == Address.parse("203.0.113.77").value
