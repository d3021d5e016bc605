"""When a trace's times are asked for, they are sampled once for the whole chain.

A Timing holds what the estimate needs and no trace or hop, so that chains, traces and hops stay free of
reference circles and go as soon as nobody needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from dsflow.dataplane.action import Neighbor
from dsflow.dataplane.device import Device
from dsflow.net.address import Family

__all__ = ["Passage", "Timing"]


class Passage(NamedTuple):
    """The devices and links of one trace: each device with the link by which the packet left it.

    ``forward`` tells the way there from answers and errors.
    """

    forward: bool
    family: Family
    path: Sequence[tuple[Device, Neighbor | None]]


class Timing:
    """The estimate of a chain, made on first use by ``estimator`` from its passages."""

    def __init__(self, estimator: Callable[[Sequence[Passage]], Any], passages: Sequence[Passage]) -> None:
        self._estimator = estimator
        self._passages = passages

    @cached_property
    def estimate(self) -> Any:
        """Percentiles one way, for the round trip, and for each hop of each passage."""
        return self._estimator(self._passages)
