"""When a trace's times are asked for, they are sampled once for the whole chain.

A Timing holds what the estimate needs and no trace or hop, so that chains, traces and hops stay free of
reference circles and go as soon as nobody needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dsflow.dataplane.action import Neighbor
from dsflow.dataplane.device import Device
from dsflow.net.address import Family

__all__ = ["Leg", "Passage", "Timing"]


class Passage:
    """What the estimate needs of one trace: the devices, each with the link by which the packet left it.

    ``forward`` is the way there, ``reply`` an answer; an ICMP error is neither.  The walk fills the path,
    the trace the rest.
    """

    __slots__ = ("delivered", "family", "forward", "path", "reply")

    forward: bool
    reply: bool
    delivered: bool
    family: Family

    def __init__(self) -> None:
        self.path: list[tuple[Device, Neighbor | None]] = []

    def as_part(self) -> Passage:
        """The same passage as a part of one way there and back: what is no way there counts as an answer."""
        part = Passage()
        part.path = self.path
        part.forward, part.reply, part.delivered = self.forward, not self.forward, True
        part.family = self.family
        return part


class Timing:
    """The estimate of a chain, made on first use by ``estimator`` from its passages."""

    __slots__ = ("_estimate", "_estimator", "_passages")

    def __init__(self, estimator: Callable[[Sequence[Passage]], Any], passages: Sequence[Passage]) -> None:
        self._estimator = estimator
        self._passages = passages
        self._estimate: Any = None

    @property
    def estimate(self) -> Any:
        """Percentiles one way, for the round trip, and for each hop of each passage."""
        if self._estimate is None:
            self._estimate = self._estimator(self._passages)
        return self._estimate

    def of_hop(self, passage: Passage, index: int) -> Any:
        """The time of one hop of one of the passages."""
        return self.estimate.hops[self._passages.index(passage)][index]


class Leg:
    """What the hops of one trace have in common: its passage, and later where their times come from."""

    __slots__ = ("passage", "timing")

    def __init__(self) -> None:
        self.passage = Passage()
        self.timing: Timing | None = None

    def hop_latency_us(self, index: int) -> Any:
        """The time of one hop; None where no profile is at hand."""
        return None if self.timing is None else self.timing.of_hop(self.passage, index)
