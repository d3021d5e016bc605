"""The two chains of one question compared: the records that say how, and the words they are made of.

:mod:`dsflow.query.twin` fills them in; here they are only data, as the trace format has it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.nat import NatKind
from dsflow.net.address import Address, Family
from dsflow.trace.trace import Direction

__all__ = [
    "AlignedHop",
    "Choice",
    "Difference",
    "DifferenceKind",
    "Interval",
    "Offer",
    "Outcome",
    "Side",
    "Signal",
    "Wait",
]

TWIN_SCHEMA = "dsflow.twin/1"
"""The name of the format of a comparison."""

DIFFERING = ("device", "nat", "hop-limit", "ended")
"""What can be not alike where two visits stand beside each other."""


class Side(NamedTuple):
    """One family's visit to a device.

    ``ttl`` is what leaves, at the last hop what arrived; ``ended`` how the trace ended, where it ended here.
    """

    hop: int
    device: str
    rule: str | None
    nat: tuple[NatKind, ...]
    ttl: int | None
    ended: Disposition | None


class AlignedHop(NamedTuple):
    """The visits of both families at one place of the way, None where a family has none there.

    ``differs`` names what is not alike, of ``DIFFERING``.
    """

    connection: int
    direction: Direction
    ipv4: Side | None
    ipv6: Side | None
    differs: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The row in the comparison's JSON."""
        sides = {
            name: None if side is None else side._asdict() for name, side in (("ipv4", self.ipv4), ("ipv6", self.ipv6))
        }
        return self._asdict() | sides


class DifferenceKind(StrEnum):
    """What two families can differ in, the gravest first."""

    DELIVERY = "delivery"
    MISSING_ROUTE = "missing-route"
    REWRITE = "rewrite"
    FAMILY_CHANGE = "family-change"
    GATEWAY = "gateway"
    DEVICE = "device"
    BACK_END = "back-end"
    HOP_LIMIT = "hop-limit"
    MTU = "mtu"
    LATENCY = "latency"


class Difference(NamedTuple):
    """One thing that is not alike, in words, and what would mend it where that is plain."""

    kind: DifferenceKind
    text: str
    mend: str | None = None


class Signal(StrEnum):
    """How a client learns that an attempt failed: not at all, from afar, or from its own kernel."""

    SILENCE = "silence"
    RESET = "reset"
    ICMP_ERROR = "icmp-error"
    OWN_ROUTES = "own-routes"
    OWN_LINK = "own-link"


class Outcome(StrEnum):
    """What becomes of a client that begins with one family.

    ``works``: that family answers.  ``falls-back``: the other one does.  ``lost-behind-proxy``: a proxy accepts the
    connection and fails behind it, so that nobody falls back.  ``fails``: no family answers, or none that is tried.
    """

    WORKS = "works"
    FALLS_BACK = "falls-back"
    LOST_BEHIND_PROXY = "lost-behind-proxy"
    FAILS = "fails"
    UNDETERMINED = "undetermined"


Interval = tuple[float, float, float]
"""Microseconds: a median and its 90 % interval."""


class Wait(NamedTuple):
    """How long it takes until a connection stands: with Happy Eyeballs, and trying one address after the other."""

    happy_eyeballs: Interval
    one_by_one: Interval

    def to_json(self) -> dict[str, dict[str, float]]:
        """Both in the shape that times have in the chain's JSON."""
        return {
            name: dict(zip(("value", "low", "high"), (round(float(us), 1) for us in interval), strict=True))
            for name, interval in self._asdict().items()
        }


class Offer(NamedTuple):
    """An address that a client may try: ``usable`` says whether its own routes lead there."""

    family: Family
    source: Address
    destination: Address
    usable: bool

    def to_json(self) -> dict[str, Any]:
        """The offer in the comparison's JSON."""
        return self._asdict() | {name: str(getattr(self, name)) for name in ("family", "source", "destination")}


class Choice(NamedTuple):
    """Which family a client tries first, and what becomes of it.

    ``first`` is the standard's answer and ``rule`` the rule of RFC 6724 section 6 that gave it, both None where
    there is nothing to choose; ``glibc_first`` is that of the GNU C library.  ``signal`` is how the first attempt's
    failure shows, ``wait`` what it takes until a connection stands, None where none does.
    """

    offers: tuple[Offer, ...]
    first: Family | None
    rule: int | None
    glibc_first: Family | None
    outcome: Outcome
    signal: Signal | None
    wait: Wait | None
    text: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The choice in the comparison's JSON."""
        return {
            "offers": [offer.to_json() for offer in self.offers],
            "first": None if self.first is None else str(self.first),
            "rule": self.rule,
            "glibc_first": None if self.glibc_first is None else str(self.glibc_first),
            "outcome": self.outcome,
            "signal": self.signal,
            "wait_us": None if self.wait is None else self.wait.to_json(),
            "text": list(self.text),
        }
