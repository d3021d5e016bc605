"""What a chain's packets pay on their way: one cost for each traversal of a device and of a link."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain as joined

from dsflow.dataplane.action import Delay, Link
from dsflow.latency.profile import Profile
from dsflow.latency.sample import Cost, Estimate, Leg, estimate
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.trace import Direction, Trace

__all__ = ["estimate_chain", "legs"]

ROUND_TRIP_ENTRIES = frozenset({"internet", "access_fixed", "access_mobile", "lb_l7", "cross_ad", "cross_region"})
"""Entries of the profile that count a round trip: each direction pays half."""


def estimate_chain(chain: Chain, profile: Profile) -> Estimate:
    """The estimated time of a chain, one way and round trip, and of each hop."""
    return estimate(legs(chain), profile=profile, seed=chain.seed)


def legs(chain: Chain) -> list[Leg]:
    """The costs of every trace, hop by hop: a hop pays for its own work and for the link behind it.

    One way is all forward traces, since a proxy's second connection is part of the way; the rest are
    answers.
    """
    return [
        Leg(tuple(tuple(costs) for costs in _trace_costs(trace)), trace.direction is Direction.FORWARD)
        for trace in chain.traces
    ]


def _trace_costs(trace: Trace) -> Iterator[Iterator[Cost]]:
    arriving: Link | None = None
    for hop in trace.hops:
        leaving = None if hop.neighbor is None else hop.neighbor.link
        yield joined(_device_costs(hop, trace, arriving, leaving), _link_costs(leaving, trace))
        arriving = leaving


def _device_costs(hop: Hop, trace: Trace, arriving: Link | None, leaving: Link | None) -> Iterator[Cost]:
    toll = hop.at.toll
    if hop.index == 0:
        return
    if leaving is None:
        delays = toll.delivered
    else:
        delays = toll.forwarded_new if trace.direction is Direction.FORWARD else toll.forwarded
    for delay in delays:
        entry = "cross_ad" if delay.entry == "fabric_ad" and _changes_domain(arriving, leaving) else delay.entry
        yield _cost(Delay(entry, delay.km), hop.at.id, trace, toll.machine)


def _changes_domain(arriving: Link | None, leaving: Link | None) -> bool:
    ends = {link.availability_domain for link in (arriving, leaving) if link is not None}
    return len(ends - {None}) > 1


def _link_costs(link: Link | None, trace: Trace) -> Iterator[Cost]:
    for delay in () if link is None else link.delays:
        yield _cost(delay, link.id if link else "", trace, None)


def _cost(delay: Delay, instance: str, trace: Trace, machine: str | None) -> Cost:
    count = 0.5 if delay.entry in ROUND_TRIP_ENTRIES else 1.0
    return Cost(delay.entry, instance, count, int(trace.family), delay.km, machine)
