"""One connection in one direction, from the device that sent the packet to where it ended."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from dsflow.dataplane.action import Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Family
from dsflow.trace.hop import Hop
from dsflow.trace.step import in_words
from dsflow.trace.timing import Passage

__all__ = ["Cause", "Direction", "Trace"]


class Direction(StrEnum):
    """Which way a trace goes.  A TCP reset is a reply; an ICMP error is not."""

    FORWARD = "forward"
    REPLY = "reply"
    ERROR = "error"


class Cause(NamedTuple):
    """The trace, by its place in the chain, and the hop that an ICMP error is about."""

    trace: int
    hop: int


class Trace:
    """The hops of one packet.

    Attributes
    ----------
    connection : int
        From 1; a proxy opens the next.
    direction : Direction
    family : Family
    disposition : Disposition
    cause : Cause or None
        Of an error: the trace and hop that provoked it.
    hops : tuple of Hop
    verdict : Rule
        The rule that ended the trace.
    ended_at : Hop
        Where that was: the last hop, but for a datagram of which some fragments went on when the first was lost.
    leg : Leg
        What its hops have in common.
    """

    __slots__ = ("cause", "connection", "direction", "disposition", "ended_at", "family", "hops", "leg", "verdict")

    def __init__(
        self,
        connection: int,
        direction: Direction,
        family: Family,
        disposition: Disposition,
        cause: Cause | None,
        hops: list[Hop],
        verdict: Rule,
        ended_at: Hop | None = None,
    ) -> None:
        self.connection = connection
        self.direction = direction
        self.family = family
        self.disposition = disposition
        self.cause = cause
        self.hops = tuple(hops)
        self.verdict = verdict
        self.ended_at = hops[-1] if ended_at is None else ended_at
        self.leg = hops[0].leg
        passage = self.leg.passage
        passage.forward = direction is Direction.FORWARD
        passage.reply = direction is Direction.REPLY
        passage.delivered = disposition is Disposition.DELIVERED
        passage.family = family

    @property
    def reason(self) -> str:
        """Why the trace ended as it did, in words."""
        return self._words(self.verdict.reason)

    @property
    def mend(self) -> str | None:
        """The smallest change that would have let the packet on, where that is plain.

        Never a listener for an answer: one that reaches somebody who does not await it has gone astray before.
        """
        astray = self.direction is Direction.REPLY and self.disposition is Disposition.NO_LISTENER
        return None if astray or self.verdict.mend is None else self._words(self.verdict.mend)

    def _words(self, template: str) -> str:
        decisions = self.ended_at.decisions
        last = next((found for found in decisions if found.rule is self.verdict), decisions[-1])
        return in_words(template, last.before, last.mtu_bytes)

    @property
    def passage(self) -> Passage:
        """What the estimate of its time needs to know of the trace."""
        return self.leg.passage

    def to_json(self) -> dict[str, Any]:
        """The trace in the chain's JSON."""
        return {
            "connection": self.connection,
            "direction": self.direction,
            "family": str(self.family),
            "disposition": self.disposition,
            "cause": None if self.cause is None else self.cause._asdict(),
            "hops": [hop.to_json() for hop in self.hops],
        }

    def __repr__(self) -> str:
        path = " > ".join(hop.device for hop in self.hops)
        return f"<Trace {self.connection} {self.direction} {self.family} {self.disposition}: {path}>"
