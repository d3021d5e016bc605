"""Times are sampled once, when first asked for, for the whole chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsflow.trace.timing import Passage, Timing
from tests.cases import POD, REMOTE, sydney


def test_the_estimator_is_asked_once_and_only_when_needed() -> None:
    """Making a Timing costs nothing; asking twice costs as much as once."""
    asked: list[Sequence[Passage]] = []

    def estimator(passages: Sequence[Passage]) -> Any:
        asked.append(passages)
        return "estimate"

    timing = Timing(estimator, [])
    assert asked == []
    assert timing.estimate == timing.estimate == "estimate"
    assert len(asked) == 1


def test_hops_read_their_times_from_the_chains_estimate() -> None:
    """Trace by trace and hop by hop."""
    chain = sydney().trace(POD, REMOTE, family=6, tcp=80)
    estimate = chain.latency
    for leg, trace in enumerate(chain.traces):
        assert [hop.latency_us for hop in trace.hops] == list(estimate.hops[leg])
    assert chain.latency is estimate
