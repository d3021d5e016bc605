"""The records of a latency profile: what one traversal of each thing costs, and how sure that is.

A profile has one section per kind of record:

==============  ==================  ==============================================================
section         record              a cost that is
==============  ==================  ==============================================================
``traversals``  :class:`Entry`      drawn anew per packet from a shifted lognormal
``pairs``       :class:`PairEntry`  fixed for two places, plus a little jitter
``rules``       :class:`RuleEntry`  proportional to the rules searched
``constants``   :class:`Constants`  not a traversal's: factors, rare events, protocol timers
==============  ==================  ==============================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import ClassVar

__all__ = ["Confidence", "Constants", "Entry", "Kind", "PairEntry", "Record", "RuleEntry"]

NORMAL_P99 = 2.326
"""The 99th percentile of the standard normal distribution."""


class Kind(Enum):
    """What an entry's numbers are for: one traversal, or a round trip of which a direction is half."""

    ONE_WAY = "one-way"
    RTT = "rtt"


class Confidence(Enum):
    """How far an entry can be trusted."""

    MEASURED = "A"
    PUBLISHED = "B"
    ANALOGUE = "C"
    JUDGEMENT = "D"

    @property
    def assumed(self) -> bool:
        """Whether nobody measured this very thing: an analogue or a judgement."""
        return self in (Confidence.ANALOGUE, Confidence.JUDGEMENT)


Contradiction = tuple[str, str] | None
"""What an entry's numbers say together and what was expected of them; None when they agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What every entry says: its name, its grade, the tags of its sources, and what it is.

    ``x90`` is the multiplicative half-width of the 90 % interval for the entry's true size.
    """

    name: str
    confidence: Confidence
    source: tuple[str, ...]
    what: str
    x90: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(_Record):
    """A cost per packet: shifted lognormal from its floor, median and 99th percentile (microseconds).

    ``cpu`` says that it is spent in a kernel's packet path.

    >>> from dsflow.latency.profile import load_profile
    >>> pod_hop = load_profile().entry("pod_hop")
    >>> pod_hop.loc_us, pod_hop.p50_us, pod_hop.p99_us, round(pod_hop.ln_sigma, 3)
    (0.3, 3.0, 25.0, 0.952)
    """

    kind: Kind = Kind.ONE_WAY
    loc_us: float = 0.0
    p50_us: float
    p99_us: float
    cpu: bool = False

    @property
    def ln_sigma(self) -> float:
        """The standard deviation of the logarithm of the time above the floor."""
        return math.log((self.p99_us - self.loc_us) / (self.p50_us - self.loc_us)) / NORMAL_P99

    def contradiction(self) -> Contradiction:
        """What no shifted lognormal can be."""
        if self.loc_us < self.p50_us <= self.p99_us:
            return None
        found = f"loc_us {self.loc_us:g}, p50_us {self.p50_us:g}, p99_us {self.p99_us:g}"
        return found, "loc_us < p50_us <= p99_us"

    def without_spread(self) -> Entry:
        """The same entry as a certain, constant time: its median."""
        return replace(self, p99_us=self.p50_us, x90=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEntry(_Record):
    """A round trip between two places: ``base_us`` plus ``inflation`` times the fibre round trip."""

    kind: ClassVar[Kind] = Kind.RTT
    base_us: float = 0.0
    inflation: float = 0.0
    pair_ln_sigma: float
    jitter_ln_sigma: float = 0.0

    def contradiction(self) -> Contradiction:
        """A round trip of no time at any distance."""
        if self.base_us + self.inflation > 0:
            return None
        return "base_us 0 and inflation 0", "one of them above 0"

    def without_spread(self) -> PairEntry:
        """The same entry as the typical pair's certain, constant round trip."""
        return replace(self, pair_ln_sigma=0.0, jitter_ln_sigma=0.0, x90=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEntry(_Record):
    """The cost of a linear search, in nanoseconds per rule, at two sizes of the table.

    Between 1,000 and 10,000 rules the cost per rule follows the logarithm of their number; outside it
    stays what it is at the nearer end, which beyond 10,000 rules is an extrapolation.

    >>> rules = RuleEntry(name="iptables", confidence=Confidence.MEASURED, source=("M",), what="search",
    ...                   upto_1000_ns=4.3, at_10000_ns=16, v6_at_10000_ns=20)
    >>> rules.search_us(1000, 4), rules.search_us(10_000, 4), rules.search_us(10_000, 6)
    (4.3, 160.0, 200.0)
    """

    kind: ClassVar[Kind] = Kind.ONE_WAY
    upto_1000_ns: float
    at_10000_ns: float
    v6_at_10000_ns: float | None = None

    def search_us(self, rules: float, family: int) -> float:
        """The time to search that many rules for a packet of that family."""
        large_ns = self.at_10000_ns
        if family == 6 and self.v6_at_10000_ns is not None:
            large_ns = self.v6_at_10000_ns
        way = min(max(math.log10(max(rules, 1.0)) - 3, 0.0), 1.0)
        return rules * (self.upto_1000_ns + way * (large_ns - self.upto_1000_ns)) / 1000

    def contradiction(self) -> Contradiction:
        """Nothing: the numbers are independent of each other."""
        return None

    def without_spread(self) -> RuleEntry:
        """The same entry as a certain time."""
        return replace(self, x90=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants(_Record):
    """Named numbers that are no traversal's cost; ``prob`` is a probability per packet."""

    values: Mapping[str, float]

    def contradiction(self) -> Contradiction:
        """A range whose ends are swapped."""
        low, high = self.values.get("min_us", 0.0), self.values.get("max_us", math.inf)
        return None if low <= high else (f"min_us {low:g}, max_us {high:g}", "min_us <= max_us")

    def without_spread(self) -> Constants:
        """The same numbers, certain, with events that never happen."""
        certain = {key: 0.0 if key == "prob" else number for key, number in self.values.items()}
        return replace(self, values=MappingProxyType(certain), x90=1.0)


Record = Entry | PairEntry | RuleEntry | Constants
