"""What stands in a packet's way: every filter, policy and security rule, and what would stop it after all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dsflow.trace.hop import Hop
from dsflow.trace.step import POLICY_STAGES, Decision, Effect, in_words
from dsflow.trace.trace import Direction, Trace

__all__ = ["Blocker", "blockers_of", "ignored"]


class Blocker(NamedTuple):
    """One thing in the way: on which connection and way, where, at which stage, why, and what would mend it.

    ``rule`` is None where nobody wrote it, ``ignored`` False for what a packet that ignores policies does not pass.
    """

    connection: int
    direction: Direction
    hop: int
    device: str
    stage: str
    rule: str | None
    source: str | None
    reason: str
    mend: str | None
    ignored: bool

    def to_json(self) -> dict[str, Any]:
        """The blocker as plain data."""
        return self._asdict()


def ignored(hop: Hop) -> Iterator[Decision]:
    """The refusals that a packet passed because policies were ignored."""
    return (
        decision for decision in hop.decisions if decision.effect is Effect.SKIP and decision.stage in POLICY_STAGES
    )


def blockers_of(traces: Iterable[Trace], lost: Trace | None) -> Iterator[Blocker]:
    """In the order met: what was passed because policies were ignored, and last what even so lost the packet."""
    for trace in traces:
        for hop in trace.hops:
            for decision in ignored(hop):
                yield _blocker(trace, hop, decision, ignored=True)
    if lost is not None:
        decisions = lost.ended_at.decisions
        last = next((found for found in decisions if found.rule is lost.verdict), decisions[-1])
        yield _blocker(lost, lost.ended_at, last, ignored=False)


def _blocker(trace: Trace, hop: Hop, decision: Decision, *, ignored: bool) -> Blocker:
    rule = decision.rule
    mend = None if rule.mend is None else in_words(rule.mend, decision.before, decision.mtu_bytes)
    return Blocker(
        trace.connection,
        trace.direction,
        hop.index,
        hop.device,
        decision.stage,
        rule.id,
        rule.source,
        in_words(rule.reason, decision.before, decision.mtu_bytes),
        mend if ignored else trace.mend,
        ignored,
    )
