"""The NAT ledger: for every place where a packet could be rewritten, whether it was, and why (not).

*No NAT* is a claim about this ledger, no row with outcome ``applied``, and not about equal addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from dsflow.dataplane.device import Device
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.net.address import Family
from dsflow.net.packet import Packet, read_header
from dsflow.trace.hop import Hop
from dsflow.trace.step import in_words
from dsflow.trace.trace import Direction, Trace

__all__ = ["Ends", "LedgerRow", "Outcome", "ledger_rows", "unvisited_rows"]


class Outcome(StrEnum):
    """``applied``: the header changed.  ``noted``: a proxy's doing, which is not NAT."""

    APPLIED = "applied"
    SKIPPED = "skipped"
    IMPOSSIBLE = "impossible"
    NOTED = "noted"


class Ends(NamedTuple):
    """The addresses and ports of a packet."""

    src: str
    dst: str
    sport: int | None
    dport: int | None


class LedgerRow(NamedTuple):
    """One device, one kind of rewriting, one visit; ``hop`` is None for a gateway that was not visited."""

    kind: NatKind
    outcome: Outcome
    family: Family
    connection: int
    direction: Direction
    hop: int | None
    device: str
    rule: str | None
    reason: str
    before: Ends | None = None
    after: Ends | None = None

    def to_json(self) -> dict[str, Any]:
        """The row in the chain's JSON."""
        ends = {
            name: None if found is None else found._asdict()
            for name, found in (("before", self.before), ("after", self.after))
        }
        return self._asdict() | {"family": str(self.family)} | ends


def ledger_rows(traces: Iterable[Trace]) -> Iterator[LedgerRow]:
    """The rows of every visit, in hop order."""
    for trace in traces:
        for hop in trace.hops:
            if hop.at.capabilities or hop.at.tracks_connections:
                yield from _rows_of(trace, hop)


def _rows_of(trace: Trace, hop: Hop) -> Iterator[LedgerRow]:
    applied: set[NatKind] = set()
    for decision in hop.decisions:
        if decision.kind is not None and decision.before is not None and decision.after is not None:
            applied.add(decision.kind)
            yield LedgerRow(
                decision.kind,
                Outcome.APPLIED,
                trace.family,
                trace.connection,
                trace.direction,
                hop.index,
                hop.at.id,
                decision.rule.id,
                in_words(decision.rule.reason, decision.before),
                _ends(decision.before),
                _ends(decision.after),
            )
    for capability in hop.at.capabilities:
        if capability.kind not in applied:
            yield _idle(capability, trace.family, trace.connection, trace.direction, hop.index, hop.at.id)


def _idle(
    capability: NatCapability,
    family: Family,
    connection: int,
    direction: Direction,
    hop: int | None,
    device: str,
) -> LedgerRow:
    if not capability.kind.is_nat:
        outcome = Outcome.NOTED
    elif family in capability.families:
        outcome = Outcome.SKIPPED
    else:
        outcome = Outcome.IMPOSSIBLE
    rule = capability.rule_for(family)
    return LedgerRow(capability.kind, outcome, family, connection, direction, hop, device, rule.id, rule.reason)


def unvisited_rows(trace: Trace, gateways: Iterable[Device], visited: set[str]) -> Iterator[LedgerRow]:
    """Rows for NAT gateways that exist and were not visited: what a packet did not meet is told too."""
    for gateway in gateways:
        if gateway.id not in visited:
            for capability in gateway.capabilities:
                yield _idle(capability, trace.family, trace.connection, trace.direction, None, gateway.id)


def _ends(packet: Packet) -> Ends:
    header = read_header(packet)
    return Ends(header.src, header.dst, header.sport, header.dport)
