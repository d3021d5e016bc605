"""What a device remembers of visits decides nothing: patterns only spare work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsflow import Simulation
from dsflow.dataplane.action import Continue, Drop, IcmpError, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import Match
from dsflow.dataplane.tables import Filter
from dsflow.engine import program
from dsflow.net.address import Family, Prefix
from dsflow.net.ranges import PortRange
from dsflow.trace.trace import Direction
from tests.cases import CLIENT, DNS, POD, REMOTE, WEB, gua, sydney

DENIED = Drop(
    Rule(id="filter#1", reason="no {dport}"), Disposition.DENIED_FORWARD, error=IcmpError.PORT_UNREACHABLE, resets=True
)


def _filtered(*rows: tuple[Match, Drop | Continue]) -> Simulation:
    """The cluster with a filter at node-1, between its routing and its hop limit."""
    simulation = sydney()
    node = simulation.dataplane["node/node-1"]
    other = replace(node, forward=(Filter(rows=rows), *node.forward))
    return simulation.with_dataplane(simulation.dataplane.replacing(other))


@pytest.mark.parametrize("family", [4, 6])
def test_a_filter_on_ports_is_asked_for_every_packet(family: int) -> None:
    """Two packets with the same addresses and other ports meet different rules, whoever came first."""
    simulation = _filtered((Match(protocol=17, dport=PortRange(53, 53)), DENIED))
    for _ in range(2):
        assert simulation.trace(POD, DNS, family=family, tcp=53).disposition is Disposition.DELIVERED
        chain = simulation.trace(POD, DNS, family=family, udp=53)
        assert chain.disposition is Disposition.DENIED_FORWARD
        assert chain.traces[0].hops[-1].steps[1].rule == "filter#1"
        assert chain.traces[0].reason == "no 53"


@pytest.mark.parametrize("family", [4, 6])
def test_a_filter_on_addresses_holds_for_both(family: int) -> None:
    """A rule on sources lets another source of the same destination pass."""
    pod = sydney().end(POD).address(Family(family), from_outside=False)
    assert pod is not None
    only = Prefix(pod.family, pod.value, pod.family.bits)
    simulation = _filtered((Match(src=only, out_interface="eth1"), DENIED))
    for _ in range(2):
        assert simulation.trace(POD, REMOTE, family=family, tcp=80).disposition is Disposition.DENIED_FORWARD
        other = simulation.trace("pod/default/nginx-568f7cfd68-pvgct", REMOTE, family=family, tcp=80)
        assert other.round_trip is Disposition.DELIVERED


def test_the_first_row_that_covers_a_packet_decides() -> None:
    """What is let through by name is not stopped by what follows, and says by which rule."""
    allow = Continue(Rule(id="filter#0", reason="let through"))
    simulation = _filtered((Match(dport=PortRange(80, 80)), allow), (Match(protocol=6), DENIED))
    chain = simulation.trace(POD, REMOTE, family=4, tcp=80)
    assert chain.disposition is Disposition.DELIVERED
    assert chain.traces[0].hops[1].steps[1].rule == "filter#0"
    refused = simulation.trace(POD, REMOTE, family=4, tcp=81)
    assert refused.disposition is Disposition.DENIED_FORWARD
    assert refused.traces[1].direction is Direction.REPLY  # the filter resets
    assert refused.traces[1].hops[0].device == "node/node-1"


def test_scope_of_the_internet_gateway_is_told_apart_by_source() -> None:
    """Two pods ask one host: what the gateway decided for one says nothing of the other."""
    simulation = gua().what_if(
        {
            "subnets.hidden": {"ipv4": "100.0.9.0/24", "ipv6": ["fd00:100:0:9::/64"], "route_table": "pods"},
            "pods.default/nginx-568f7cfd68-pvgct.ipv4": "100.0.9.9",
            "pods.default/nginx-568f7cfd68-pvgct.ipv6": "fd00:100:0:9::9",
        }
    )
    for _ in range(2):
        assert simulation.trace(POD, WEB, family=6, tcp=443).round_trip is Disposition.DELIVERED
        hidden = simulation.trace("pod/default/nginx-568f7cfd68-pvgct", WEB, family=6, tcp=443)
        assert hidden.disposition is Disposition.SCOPE_UNROUTABLE


def test_patterns_are_bounded_and_their_loss_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory of two patterns for each device gives the answers of one without bound."""
    monkeypatch.setattr(program, "MOST_PATTERNS", 2)
    small = sydney().what_if({})
    asked = [(POD, REMOTE), (POD, WEB), (POD, CLIENT), (POD, DNS), (DNS, POD), (REMOTE, WEB)] * 2
    for origin, target in asked:
        one, other = (found.trace(origin, target, family=6, icmp=True) for found in (small, sydney()))
        assert [hop.steps for hop in one.forward.hops] == [hop.steps for hop in other.forward.hops]
        assert one.disposition is other.disposition
