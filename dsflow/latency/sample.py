"""Percentiles of a path's delay, from seeded draws of everything on it.

Two levels.  An *outer* draw is one possible world: how far off each entry of the profile is as a whole
(parameter uncertainty, shared by all components of that entry) and what is fixed for a pair of places.
Within it, *inner* draws are packets.  A percentile is taken over the packets of each world, and reported
as its median and 90 % interval over the worlds.  Percentiles are never added: draws are, packet by packet.

Every component draws from a generator of its own, seeded by its name.  So a hop more or less changes no
other component's draws, and two estimates with one seed differ by what differs on their paths only.

What depends on what:

- costs with the same ``load`` share that machine's load state (Gaussian copula, correlation
  ``load_state``), so the hops on a node, and both ways through it, are slow together;
- a round-trip entry is drawn once per component, and each direction takes its part of that one draw;
- a pair's fixed effect is shared by everything that crosses the pair.

Not modelled: queues behind other traffic, and loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsflow.errors import UsageError
from dsflow.latency.entries import Constants, Entry, Kind, PairEntry, Record, RuleEntry
from dsflow.latency.profile import Profile
from dsflow.net.hashing import stable_hash

__all__ = ["Cost", "Estimate", "Interval", "Leg", "Percentiles", "estimate"]

NORMAL_P95 = 1.645
"""The 95th percentile of the standard normal distribution: a 90 % interval reaches that far each way."""

_Draws = NDArray[np.float64]
"""Microseconds per world and packet: ``[outer, inner]``, or a shape that broadcasts to it."""


class Cost(NamedTuple):
    """One traversal to be charged for.

    ``entry`` is its name in the profile and ``instance`` the component that costs (a stable id such as
    ``node/a`` or ``link/internet``).  ``count`` multiplies: 0.5 for one direction of a round-trip entry,
    the number of rules of a rule entry.  ``km`` is the distance between the two places of a pair entry
    that counts fibre.  ``load`` is the machine whose load state the cost shares.
    """

    entry: str
    instance: str
    count: float = 1.0  # type: ignore[assignment]  # hides tuple.count, which a cost has no use for
    family: int = 4
    km: float | None = None
    load: str | None = None


class Leg(NamedTuple):
    """The costs of one trace, hop by hop, and whether it counts one way, as an answer, or by itself only."""

    hops: Sequence[Sequence[Cost]]
    forward: bool = True
    answers: bool = False


class Interval(NamedTuple):
    """A number of microseconds that is not known exactly: its median and 90 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The contract's shape, rounded to 0.1 microseconds.

        >>> Interval(21.04, 9, 60.26).to_json()
        {'value': 21.0, 'low': 9.0, 'high': 60.3}
        """
        return {name: round(float(us), 1) for name, us in self._asdict().items()}


class Percentiles(NamedTuple):
    """The 50th, 95th and 99th percentile over packets."""

    p50: Interval
    p95: Interval
    p99: Interval

    def to_json(self) -> dict[str, dict[str, float]]:
        """The contract's shape: an interval per percentile."""
        return {name: interval.to_json() for name, interval in self._asdict().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The delay of a chain of traces; an estimate, not measured in OCI.

    ``one_way`` is the sum of all forward legs, ``round_trip`` adds the
    answers (None without one).
    ``hops[leg][hop]`` follows the legs given.  ``assumed_share`` is the part of the mean one-way delay
    (over all worlds and packets) that comes from entries of confidence C or D: analogues and judgements.
    """

    one_way: Percentiles
    round_trip: Percentiles | None
    hops: tuple[tuple[Percentiles, ...], ...]
    assumed_share: float

    def to_json(self) -> dict[str, Any]:
        """The ``latency_us`` of a chain."""
        return {
            "one_way": self.one_way.to_json(),
            "round_trip": None if self.round_trip is None else self.round_trip.to_json(),
            "assumed_share": round(self.assumed_share, 3),
        }


def estimate(legs: Sequence[Leg], *, profile: Profile, seed: int, outer: int = 200, inner: int = 500) -> Estimate:
    """Percentiles of the one-way and round-trip delay of ``legs``, and of each of their hops.

    Parameters
    ----------
    seed
        Not negative; the same seed gives the same numbers.
    outer, inner
        How many worlds are drawn, and how many packets in each.

    Raises
    ------
    UsageError
        When a cost names no traversal of the profile, or lacks the distance it needs.

    Examples
    --------
    >>> from dsflow.latency.profile import load_profile
    >>> profile = load_profile().without_spread()
    >>> there = Leg([[Cost("endpoint", "pod/a")], [Cost("igw", "igw/main")]])
    >>> estimate([there], profile=profile, seed=0).one_way.p99
    Interval(value=32.0, low=32.0, high=32.0)
    """
    if seed < 0 or outer < 1 or inner < 1:
        raise UsageError(f"seed {seed}, outer {outer}, inner {inner}: expected seed >= 0 and draws >= 1")
    sampler = _Sampler(profile, seed, outer, inner)
    one_way, replies = np.zeros((outer, inner)), np.zeros((outer, inner))
    assumed_us = 0.0
    percentiles = []
    for leg in legs:
        hops = [sampler.hop(costs) for costs in leg.hops]
        percentiles.append(tuple(_percentiles(hop.draws_us) for hop in hops))
        for hop in hops:
            if leg.forward:
                one_way += hop.draws_us
                assumed_us += hop.assumed_mean_us
            elif leg.answers:
                replies += hop.draws_us
    mean_us = float(one_way.mean())
    answered = any(leg.answers for leg in legs)
    return Estimate(
        one_way=_percentiles(one_way),
        round_trip=_percentiles(one_way + replies) if answered else None,
        hops=tuple(percentiles),
        assumed_share=assumed_us / mean_us if mean_us else 0.0,
    )


def _percentiles(draws_us: _Draws) -> Percentiles:
    """The percentiles of ``draws_us[outer, inner]`` over inner, as intervals over outer.

    Rows are sorted whole: numpy's vectorised sort is several times faster than partitioning at the six
    order statistics that interpolation needs.
    """
    packets_us = np.sort(draws_us, axis=1)
    return Percentiles(*(_interval(packets_us, level) for level in (0.50, 0.95, 0.99)))


def _interval(sorted_us: _Draws, level: float) -> Interval:
    """One percentile of each row, interpolated linearly between its neighbours; then over the rows."""
    position = level * (sorted_us.shape[1] - 1)
    below, above = sorted_us[:, math.floor(position)], sorted_us[:, math.ceil(position)]
    worlds_us = below + (position - math.floor(position)) * (above - below)
    low, value, high = np.quantile(worlds_us, (0.05, 0.50, 0.95)).tolist()
    return Interval(value, low, high)


class _Hop(NamedTuple):
    draws_us: _Draws  # [outer, inner], always whole
    assumed_mean_us: float


class _Sampler:
    """Draws the costs of one estimate; it guards the generators and what is drawn only once.

    Keys of generators: ``entry/…`` for what is uncertain about an entry, ``pair/…`` for a pair's fixed
    effect, ``load/…`` for a machine's load, ``packet/…`` for a component, ``interference/…``, ``pause/…``.
    """

    def __init__(self, profile: Profile, seed: int, outer: int, inner: int) -> None:
        self._profile = profile
        self._seed = seed
        self._per_world = (outer, 1)
        self._per_packet = (outer, inner)
        self._correlation = profile.constant("load_state", "correlation")
        self._generators: dict[str, np.random.Generator] = {}
        self._drawn_once: dict[str, _Draws] = {}
        self._paused: set[str] = set()

    def hop(self, costs: Sequence[Cost]) -> _Hop:
        """The delay of one hop: the sum of its costs, and what befalls its machine meanwhile."""
        total_us = np.zeros(self._per_packet)
        assumed_us = 0.0
        for record, draws_us in self._contributions(costs):
            total_us += draws_us
            if record.confidence.assumed:
                assumed_us += float(draws_us.mean())
        return _Hop(total_us, assumed_us)

    def _contributions(self, costs: Sequence[Cost]) -> Iterator[tuple[Record, _Draws]]:
        on_cpu = None
        for cost in costs:
            record = self._profile[cost.entry]
            if on_cpu is None and isinstance(record, Entry) and record.cpu:
                on_cpu = cost
            yield record, self._cost(cost, record)
        if on_cpu is not None:
            yield from self._disturbances(on_cpu)

    def _cost(self, cost: Cost, record: Record) -> _Draws:
        """The draws of one cost."""
        if (cost.km is not None) != (isinstance(record, PairEntry) and record.inflation > 0):
            needs = "takes no distance" if cost.km is not None else "needs a distance"
            raise UsageError(f'cost of {cost.instance}: latency entry "{cost.entry}" {needs} in km')
        match record:
            case Entry():
                return cost.count * self._traversal(cost, record)
            case PairEntry():
                return cost.count * self._pair(cost, record)
            case RuleEntry():
                return self._factor(record) * record.search_us(cost.count, cost.family)
            case Constants():
                raise UsageError(f'cost of {cost.instance}: latency entry "{cost.entry}" is no traversal')

    def _traversal(self, cost: Cost, entry: Entry) -> _Draws:
        """A shifted lognormal per packet."""
        scale = self._factor(entry)
        if entry.cpu and cost.family == 6:
            factor = self._profile["v6_cpu_factor"]
            scale = scale * self._profile.constant("v6_cpu_factor", "value") * self._factor(factor)
        if entry.ln_sigma == 0:
            return scale * entry.p50_us  # exact, where loc + (p50 - loc) may round
        body_us = (entry.p50_us - entry.loc_us) * np.exp(entry.ln_sigma * self._variation(cost, entry))
        return scale * (entry.loc_us + body_us)

    def _pair(self, cost: Cost, entry: PairEntry) -> _Draws:
        """A round trip: typical for the distance, times what is fixed for this pair, times jitter."""
        fibre_us = 2 * (cost.km or 0.0) * self._profile.constant("fibre_us_per_km", "value")
        round_trip_us = self._factor(entry) * (entry.base_us + entry.inflation * fibre_us)
        if entry.pair_ln_sigma > 0:
            fixed = self._once(f"pair/{cost.entry}/{cost.instance}", self._per_world)
            round_trip_us = round_trip_us * np.exp(entry.pair_ln_sigma * fixed)
        if entry.jitter_ln_sigma > 0:
            round_trip_us = round_trip_us * np.exp(entry.jitter_ln_sigma * self._variation(cost, entry))
        return round_trip_us

    def _factor(self, record: Record) -> _Draws:
        """How far off the entry as a whole is in each world: lognormal, 90 % of it within x90."""
        if record.x90 == 1:
            return np.ones(())
        return np.exp(math.log(record.x90) / NORMAL_P95 * self._once(f"entry/{record.name}", self._per_world))

    def _variation(self, cost: Cost, entry: Entry | PairEntry) -> _Draws:
        """Standard normal per packet, correlated with all that shares the cost's load."""
        key = f"packet/{cost.entry}/{cost.instance}"
        if entry.kind is Kind.RTT:
            own = self._once(key, self._per_packet)
        else:
            own = self._generator(key).standard_normal(self._per_packet)
        if cost.load is None:
            return own
        shared = self._once(f"load/{cost.load}", self._per_packet)
        return math.sqrt(self._correlation) * shared + math.sqrt(1 - self._correlation) * own

    def _disturbances(self, cost: Cost) -> Iterator[tuple[Record, _Draws]]:
        """Rare events on the machine that bears ``cost``: interference at every hop, one pause in all."""
        hit = self._befalls("interference", cost.instance)
        if hit is not None:
            yield self._profile["interference"], hit * self._profile.constant("interference", "add_us")
        machine = cost.load or cost.instance
        if machine not in self._paused and (hit := self._befalls("pause", machine)) is not None:
            self._paused.add(machine)
            low, high = (self._profile.constant("pause", end) for end in ("min_us", "max_us"))
            share = self._generator(f"pause/{machine}").random(self._per_packet)
            yield self._profile["pause"], hit * (low + share * (high - low))

    def _befalls(self, event: str, component: str) -> _Draws | None:
        """1 for every packet that a rare event meets, else 0; None when it never happens."""
        probability = self._profile.constant(event, "prob")
        if probability == 0:
            return None
        met = self._generator(f"{event}/{component}").random(self._per_packet) < probability
        return met.astype(np.float64)

    def _once(self, key: str, shape: tuple[int, int]) -> _Draws:
        """Standard normal draws that are the same whenever the key comes up again."""
        if key not in self._drawn_once:
            self._drawn_once[key] = self._generator(key).standard_normal(shape)
        return self._drawn_once[key]

    def _generator(self, key: str) -> np.random.Generator:
        """The generator of one component; it goes on where it stopped when the component comes up again."""
        if key not in self._generators:
            self._generators[key] = np.random.default_rng(np.random.SeedSequence([self._seed, stable_hash(key)]))
        return self._generators[key]
