"""The NAT ledger: for every place where a packet could be rewritten, whether it was, and why (not).

*No NAT* is a claim about this ledger, no row with outcome ``applied``, and not about equal addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from dsflow.dataplane.device import Device
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.net.address import Family
from dsflow.net.packet import Packet, address_text
from dsflow.net.wire import TCP, UDP
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
            yield from _rows_of(trace, hop)


def _rows_of(trace: Trace, hop: Hop) -> Iterator[LedgerRow]:
    family, connection, direction, device = trace.family, trace.connection, trace.direction, hop.at.id
    applied: list[NatKind] = []
    for _, _, rule, before, after, kind, _ in hop.records:
        if kind is not None and before is not None and after is not None:
            applied.append(kind)
            words = in_words(rule.reason, before)
            ends = _ends(before), _ends(after)
            yield LedgerRow(
                kind, Outcome.APPLIED, family, connection, direction, hop.index, device, rule.id, words, *ends
            )
    for capability in hop.at.capabilities:
        if capability.kind not in applied:
            kind, outcome, rule_id, words = _idle(capability, family)
            yield LedgerRow(kind, outcome, family, connection, direction, hop.index, device, rule_id, words)


@cache
def _idle(capability: NatCapability, family: Family) -> tuple[NatKind, Outcome, str | None, str]:
    """What the ledger says where a capability was not used."""
    if not capability.kind.is_nat:
        outcome = Outcome.NOTED
    elif family in capability.families:
        outcome = Outcome.SKIPPED
    else:
        outcome = Outcome.IMPOSSIBLE
    rule = capability.rule_for(family)
    return capability.kind, outcome, rule.id, rule.reason


def unvisited_rows(trace: Trace, gateways: Iterable[Device], visited: set[str]) -> Iterator[LedgerRow]:
    """Rows for NAT gateways that exist and were not visited: what a packet did not meet is told too."""
    for gateway in gateways:
        if gateway.id not in visited:
            for capability in gateway.capabilities:
                kind, outcome, rule_id, words = _idle(capability, trace.family)
                yield LedgerRow(
                    kind, outcome, trace.family, trace.connection, trace.direction, None, gateway.id, rule_id, words
                )


def _ends(packet: Packet) -> Ends:
    with_ports = packet.protocol in (TCP, UDP)
    return Ends(
        address_text(packet.family, packet.src),
        address_text(packet.family, packet.dst),
        packet.sport if with_ports else None,
        packet.dport if with_ports else None,
    )
