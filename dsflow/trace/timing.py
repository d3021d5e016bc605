"""When a trace's times are asked for, they are sampled once for the whole chain.

A Timing holds what the estimate needs and no trace or hop, so that chains, traces and hops stay free of
reference circles and go as soon as nobody needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dsflow.dataplane.action import Neighbor
from dsflow.dataplane.device import Device
from dsflow.net.address import Family

__all__ = ["Leg", "Passage", "Timing"]


class Passage(NamedTuple):
    """The devices and links of one trace: each device with the link by which the packet left it.

    ``forward`` is the way there, ``reply`` an answer; an ICMP error is neither.
    """

    forward: bool
    reply: bool
    delivered: bool
    family: Family
    path: Sequence[tuple[Device, Neighbor | None]]


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


class Leg:
    """What the hops of one trace have in common: the path so far, and later where their times come from."""

    __slots__ = ("number", "path", "timing")

    def __init__(self) -> None:
        self.path: list[tuple[Device, Neighbor | None]] = []
        self.timing: Timing | None = None
        self.number = 0
