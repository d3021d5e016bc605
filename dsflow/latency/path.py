"""What a chain's packets pay on their way: one cost for each traversal of a device and of a link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain as joined

from dsflow.dataplane.action import Delay, Link
from dsflow.dataplane.device import Device
from dsflow.latency.profile import Profile
from dsflow.latency.sample import Cost, Estimate, Leg, estimate
from dsflow.net.address import Family
from dsflow.trace.timing import Passage

__all__ = ["estimate_passages", "legs"]

ROUND_TRIP_ENTRIES = frozenset({"internet", "access_fixed", "access_mobile", "lb_l7", "cross_ad", "cross_region"})
"""Entries of the profile that count a round trip: each direction pays half."""


def estimate_passages(passages: Sequence[Passage], profile: Profile, seed: int) -> Estimate:
    """The estimated time of a chain, one way and round trip, and of each hop of each trace."""
    return estimate(legs(passages), profile=profile, seed=seed)


def legs(passages: Sequence[Passage]) -> list[Leg]:
    """The costs of every trace, hop by hop: a hop pays for its own work and for the link behind it.

    One way is all forward traces, since a proxy's second connection is part of the way; the round trip
    adds the answers, if all came back.  ICMP errors have times of their own and count in neither.
    """
    replies = [passage for passage in passages if passage.reply]
    last_forward = [passage for passage in passages if passage.forward][-1]
    came_back = last_forward.delivered and all(passage.delivered for passage in replies)
    return [
        Leg(tuple(tuple(costs) for costs in _hop_costs(passage)), passage.forward, passage.reply and came_back)
        for passage in passages
    ]


def _hop_costs(passage: Passage) -> Iterator[Iterator[Cost]]:
    arriving: Link | None = None
    for index, (device, neighbor) in enumerate(passage.path):
        leaving = None if neighbor is None else neighbor.link
        work = _device_costs(device, passage, arriving, leaving) if index else ()
        yield joined(work, _link_costs(leaving, passage))
        arriving = leaving


def _device_costs(device: Device, passage: Passage, arriving: Link | None, leaving: Link | None) -> Iterator[Cost]:
    toll = device.toll
    forwarded = toll.forwarded_new if passage.forward else toll.forwarded
    for delay in toll.delivered if leaving is None else forwarded:
        entry = "cross_ad" if delay.entry == "fabric_ad" and _changes_domain(arriving, leaving) else delay.entry
        yield _cost(Delay(entry, delay.km), device.id, passage.family, toll.machine)


def _changes_domain(arriving: Link | None, leaving: Link | None) -> bool:
    ends = {link.availability_domain for link in (arriving, leaving) if link is not None}
    return len(ends - {None}) > 1


def _link_costs(link: Link | None, passage: Passage) -> Iterator[Cost]:
    if link is not None:
        for delay in link.delays:
            yield _cost(delay, link.id, passage.family, None)


def _cost(delay: Delay, instance: str, family: Family, machine: str | None) -> Cost:
    count = 0.5 if delay.entry in ROUND_TRIP_ENTRIES else 1.0
    return Cost(delay.entry, instance, count, int(family), delay.km, machine)
