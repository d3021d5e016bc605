"""The order of checks inside a forwarding hop, the hop limits that errors quote, and how much they quote."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from tests.kernel.codes import HOP_LIMIT, NEIGHBOUR, NO_ROUTE, PORT, TOO_BIG
from tests.kernel.facts import shows
from tests.kernel.networks import (
    BOTH,
    H0,
    H2,
    NOWHERE,
    POD,
    POD2,
    R0,
    R0_FAR,
    R1,
    VIP,
    chain,
    masquerading,
    node,
)
from tests.kernel.packets import arrived, datagram, ended, error, errors, left, ping, segment, sent, told

DROP = {"hook": "forward", "protocol": "udp", "dport": 9, "action": "drop"}
REJECT = {**DROP, "action": "reject"}
NARROW = {"interfaces": {"e1": {"mtu": 1400}}}
NARROW_R1 = {"interfaces": {"e0": {"mtu": 1400}}}
NOBODY = {4: "10.0.2.77", 6: "fd00:c::77"}


@BOTH
@shows("order", "1-route-before-hop-limit")
def test_a_missing_route_is_told_before_a_used_up_hop_limit(family: int) -> None:
    """3/0 or 1/0, although the hop limit is 1."""
    found = dsflow.load(chain()).send("h0", datagram(family, H0, NOWHERE, ttl=1))
    assert (found.disposition, error(found).told) == ("no-route", NO_ROUTE[family])


@BOTH
@shows("order")
def test_translation_comes_before_routing(family: int) -> None:
    """A virtual address has no route, and needs none; the end that it stands for needs one."""
    rule = {"hook": "prerouting", "to": f"{VIP[family]}/{32 if family == 4 else 128}", "action": "dnat"}
    there = dsflow.load(chain(r0={"nat": [{**rule, "to_address": H2[family]}]}))
    assert there.send("h0", datagram(family, H0, VIP, dport=53)).disposition == "delivered"
    nowhere = dsflow.load(chain(r0={"nat": [{**rule, "to_address": NOWHERE[family]}]}))
    found = nowhere.send("h0", datagram(family, H0, VIP))
    assert found.disposition == "no-route"
    assert (error(found).told, error(found).src) == (NO_ROUTE[family], VIP[family])
    assert (error(found).quote.dst, error(found).quote.ttl) == (VIP[family], 64)


@BOTH
@shows("order", "1-hop-limit-before-mtu")
def test_a_used_up_hop_limit_is_told_before_the_size(family: int) -> None:
    """11/0 or 3/0, although the next link is too narrow."""
    net = dsflow.load(chain(r0=NARROW, r1=NARROW_R1))
    found = net.send("h0", datagram(family, H0, H2, size=1450, ttl=1, df=True))
    assert (found.disposition, error(found).told) == ("hop-limit-exceeded", HOP_LIMIT[family])


@BOTH
@shows("order", "1-mtu-before-filter")
def test_the_size_is_told_before_a_filter_drops(family: int) -> None:
    """A packet that the filter would have dropped yields the error all the same."""
    net = dsflow.load(chain(r0={**NARROW, "filters": [DROP]}, r1=NARROW_R1))
    found = net.send("h0", datagram(family, H0, H2, size=1450, df=True))
    assert (found.disposition, error(found).told, error(found).mtu) == ("too-big", TOO_BIG[family], 1400)
    assert net.send("h0", datagram(family, H0, H2, size=100, df=True)).disposition == "denied-forward"


@shows("order", "1-divisible-meets-filter")
def test_a_divisible_packet_meets_the_filter_whole() -> None:
    """Without DF the packet goes on to the filter and is dropped in silence."""
    net = dsflow.load(chain(r0={**NARROW, "filters": [DROP]}, r1=NARROW_R1))
    found = net.send("h0", datagram(4, H0, H2, size=1450))
    assert found.disposition == "denied-forward"
    assert len(found.traces) == 1


@BOTH
@pytest.mark.parametrize("rule", [DROP, REJECT])
@shows("order", "1-hop-limit-before-filter")
def test_a_used_up_hop_limit_is_told_before_a_filter_refuses(family: int, rule: dict[str, Any]) -> None:
    """The filter of forward comes after the hop limit."""
    found = dsflow.load(chain(r0={"filters": [rule]})).send("h0", datagram(family, H0, H2, ttl=1))
    assert (found.disposition, error(found).told) == ("hop-limit-exceeded", HOP_LIMIT[family])


@BOTH
@shows("order")
def test_a_filter_refuses_before_the_neighbour_fails(family: int) -> None:
    """Nobody is asked for, if the packet is not let through."""
    net = dsflow.load(chain(r1={"filters": [REJECT]}))
    found = net.send("h0", datagram(family, H0, NOBODY))
    assert (found.disposition, error(found).told) == ("denied-forward", PORT[family])
    found = net.send("h0", datagram(family, H0, NOBODY, dport=10))
    assert (found.disposition, error(found).told) == ("neighbor-unreachable", NEIGHBOUR[family])


@BOTH
@shows("order")
def test_a_filter_sees_the_source_before_it_is_translated(family: int) -> None:
    """The filter of forward comes between the two translations."""
    rule = {**DROP, "from": f"{H0[family]}/{32 if family == 4 else 128}"}
    found = dsflow.load(masquerading(r0={"filters": [rule]})).send("h0", datagram(family, H0, H2))
    assert found.disposition == "denied-forward"


@shows("order")
def test_division_comes_after_translation() -> None:
    """Every fragment bears the translated source."""
    net = dsflow.load(masquerading(r0=NARROW, r1=NARROW_R1))
    found = net.send("h0", datagram(4, H0, H2, size=1450, dport=53))
    assert [(one.src, one.length) for one in left(found.traces[0], 1)] == [(R0_FAR[4], 1396), (R0_FAR[4], 74)]


@BOTH
@shows("2-as-received")
def test_errors_of_the_checks_quote_the_hop_limit_that_came_in(family: int) -> None:
    """Hop limit, route and size are checked before the packet is lowered."""
    net = dsflow.load(chain(r0=NARROW, r1=NARROW_R1))
    assert error(net.send("h0", datagram(family, H0, H2, ttl=1))).quote.ttl == 1
    assert error(net.send("h0", datagram(family, H0, NOWHERE, ttl=9))).quote.ttl == 9
    assert error(net.send("h0", datagram(family, H0, H2, ttl=9, size=1450, df=True))).quote.ttl == 9
    beyond = net.send("h0", datagram(family, H0, H2, ttl=2))
    assert (sent(beyond), error(beyond).quote.ttl) == ("r1", 1)


@BOTH
@shows("2-decremented")
def test_rejects_and_failed_neighbours_quote_the_lowered_hop_limit(family: int) -> None:
    """Both come after the packet is lowered."""
    net = dsflow.load(chain(r0={"filters": [REJECT]}))
    assert error(net.send("h0", datagram(family, H0, H2))).quote.ttl == 63
    found = net.send("h0", datagram(family, H0, NOBODY, dport=10))
    assert (sent(found), error(found).quote.ttl) == ("r1", 62)


@BOTH
@pytest.mark.parametrize("ttl", [0, 1])
@pytest.mark.parametrize("target", [R0, R0_FAR])
@shows("3-no-check-for-own")
def test_what_is_for_the_router_itself_is_taken_with_any_hop_limit(
    family: int, target: dict[int, str], ttl: int
) -> None:
    """Its own address on either side, from the near one."""
    found = dsflow.load(chain()).send("h0", ping(family, H0, target, ttl=ttl))
    assert (found.disposition, found.round_trip, ended(found)) == ("delivered", "delivered", "r0")
    assert arrived(found.traces[1])[0].ttl == 64


@BOTH
@shows("3-sender-keeps")
def test_the_sender_does_not_lower_the_hop_limit(family: int) -> None:
    """64 at the first router, 62 behind two."""
    (forward, reply) = dsflow.load(chain()).send("h0", ping(family, H0, H2)).traces
    assert [arrived(forward, at)[0].ttl for at in (1, 2, 3)] == [64, 63, 62]
    assert [arrived(reply, at)[0].ttl for at in (1, 2, 3)] == [64, 63, 62]


@BOTH
@shows("3-pods-of-one-node")
def test_pods_of_one_node_hear_each_other_with_63(family: int) -> None:
    """The node forwards between its cables; its outer interface has no part."""
    found = dsflow.load(node()).send("pod", ping(family, POD, POD2))
    assert found.disposition == "delivered"
    assert arrived(found.traces[0])[0].ttl == 63
    interfaces = {
        name for trace in found.traces for hop in trace.hops for name in (hop.in_interface, hop.out_interface)
    }
    assert interfaces == {None, "eth0", "veth", "veth2"}
    assert {hop.device for trace in found.traces for hop in trace.hops} == {"device/pod", "device/node", "device/pod2"}


@BOTH
@shows("3-routed-cluster")
def test_pods_in_two_subnets_hear_each_other_with_61(family: int) -> None:
    """Node, VCN and node lower the hop limit."""
    two = dsflow.load("two-pods").what_if(
        {
            "subnets.more": {"ipv4": "10.0.9.0/24", "ipv6": ["fd00:10:0:9::/64"], "route_table": "local"},
            "pods.default/server.ipv4": "10.0.9.22",
            "pods.default/server.ipv6": "fd00:10:0:9::22",
        }
    )
    found = two.trace("pod/default/client", "pod/default/server", family=family, tcp=80)
    assert arrived(found.traces[0])[0].ttl == 61


@shows("4-ipv4-quote")
@pytest.mark.parametrize(("size", "length"), [(60, 88), (548, 576), (549, 576), (1500, 576)])
def test_an_error_is_up_to_576_bytes_long(size: int, length: int) -> None:
    """The quote is cut at 548 bytes, its header untouched."""
    packet = datagram(4, H0, H2, size=size, ttl=1, df=True)
    found = error(dsflow.load(chain()).send("h0", packet))
    assert (found.length, len(found.raw)) == (length, length)
    assert found.quote.raw == packet[: length - 28]
    assert (found.ttl, found.tos, found.df, found.checksums_hold) == (64, 0xC0, False, True)


@shows("4-ipv6-quote")
@pytest.mark.parametrize(("size", "length"), [(60, 108), (1232, 1280), (1233, 1280), (1500, 1280)])
def test_an_icmpv6_error_is_up_to_1280_bytes_long(size: int, length: int) -> None:
    """The quote is cut at 1232 bytes, its header untouched."""
    packet = datagram(6, H0, H2, size=size, ttl=1)
    found = error(dsflow.load(chain()).send("h0", packet))
    assert (found.length, len(found.raw)) == (length, length)
    assert found.quote.raw == packet[: length - 48]
    assert (found.ttl, found.tos, found.checksums_hold) == (64, 0, True)


@BOTH
@shows("4-ipv4-quote", "4-ipv6-quote")
def test_an_error_is_forwarded_as_any_packet(family: int) -> None:
    """It comes with one hop less for each router, and goes to the sender alone."""
    found = dsflow.load(chain()).send("h0", segment(family, H0, NOBODY))
    (trace,) = errors(found)
    assert [hop.device for hop in trace.hops] == ["device/r1", "device/r0", "device/h0"]
    assert (told(found).dst, told(found).ttl) == (H0[family], 63)
    assert error(found).src == R1[family]
