"""Every walk ends: two routers that point at each other, with and without a hop limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

import dsflow
from dsflow import Simulation
from dsflow.dataplane.action import Forward, Link, Neighbor, Rule
from dsflow.dataplane.common import LINUX_HOP_LIMIT, LINUX_LOWER, routes
from dsflow.dataplane.device import Device, Interface
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.tables import RouteLookup, Table
from dsflow.trace.trace import Direction

LINK = Link(id="circle", mtu_bytes=9000)
ONE, OTHER = "node/node-1", "vcn/lab"


def _router(device: Device, peer: str, forward: tuple[Table, ...]) -> Device:
    """The device as a router that knows one way only, to its peer."""
    way = Forward(Rule(reason="everything to the peer"), Neighbor("circle", peer, "circle", LINK))
    lookup = RouteLookup(tables={None: routes((), way)})
    interfaces = {**device.interfaces, "circle": Interface(name="circle")}
    return replace(device, interfaces=interfaces, receive=(lookup,), send=(lookup,), forward=forward)


def _circle(one: tuple[Table, ...], other: tuple[Table, ...]) -> Simulation:
    simulation = dsflow.load("two-pods")
    dataplane = simulation.dataplane
    dataplane = dataplane.replacing(_router(dataplane[ONE], OTHER, one))
    return simulation.with_dataplane(dataplane.replacing(_router(dataplane[OTHER], ONE, other)))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("ttl", [1, 2, 63, 64, 65, 255])
def test_the_hop_limit_ends_a_circle(family: int, ttl: int) -> None:
    """A packet visits as many routers as it has hops, and nobody more."""
    chain = _circle((LINUX_HOP_LIMIT, LINUX_LOWER), (LINUX_HOP_LIMIT, LINUX_LOWER)).trace(
        "pod/default/client", "pod/default/server", family=family, tcp=80, ttl=ttl
    )
    assert chain.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert len(chain.traces[0].hops) == ttl + 1


@pytest.mark.parametrize("family", [4, 6])
def test_errors_of_a_circle_end_in_it_without_errors_of_their_own(family: int) -> None:
    """The news that a packet died dies the same death, and no error is sent about it (RFC 1122, RFC 4443)."""
    chain = _circle((LINUX_HOP_LIMIT, LINUX_LOWER), (LINUX_HOP_LIMIT, LINUX_LOWER)).trace(
        "pod/default/client", "pod/default/server", family=family, udp=53
    )
    assert [trace.direction for trace in chain.traces] == [Direction.FORWARD, Direction.ERROR]
    assert chain.traces[1].disposition is Disposition.HOP_LIMIT_EXCEEDED


@pytest.mark.parametrize("family", [4, 6])
def test_one_router_that_lowers_is_enough(family: int) -> None:
    """Where only one of the two lowers the limit the packet goes round twice as long, and ends."""
    circle = _circle((LINUX_HOP_LIMIT, LINUX_LOWER), ())
    chain = circle.trace("pod/default/client", "pod/default/server", family=family, ttl=40)
    assert chain.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert len(chain.traces[0].hops) == 80


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("options", [{"tcp": 80}, {"udp": 53}, {"icmp": True}, {"udp": 53, "size": 9500}])
def test_a_circle_that_lowers_nothing_is_a_loop(family: int, options: dict[str, int]) -> None:
    """The same packet at the same interface for the second time: the walk says so and ends, fragments too."""
    chain = _circle((), ()).trace("pod/default/client", "pod/default/server", family=family, **options)
    assert chain.disposition is Disposition.LOOP
    last = chain.traces[0].hops[-1]
    assert (last.out_interface, last.packets_out) == (None, ())
    assert last.steps[0].stage == "loop"
    assert "same interface twice" in chain.traces[0].reason
    seen = [(hop.device, hop.in_interface, hop.packets_in) for hop in chain.traces[0].hops[1:]]
    assert seen[-1] in seen[:-1]
