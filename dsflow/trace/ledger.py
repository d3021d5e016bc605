"""The NAT ledger: for every place where a packet could be rewritten, whether it was, and why (not).

*No NAT* is a claim about this ledger, no row with outcome ``applied``, and not about equal addresses.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from dsflow.dataplane.device import Device
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.net.address import Family
from dsflow.net.packet import Packet, address_text
from dsflow.net.wire import TCP, UDP
from dsflow.trace.hop import Hop
from dsflow.trace.step import in_words
from dsflow.trace.trace import Direction, Trace

__all__ = ["Ends", "LedgerRow", "Outcome", "idle_rows", "ledger_rows"]


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


def ledger_rows(traces: Iterable[Trace]) -> list[LedgerRow]:
    """The rows of every visit, in hop order."""
    rows: list[LedgerRow] = []
    for trace in traces:
        for hop in trace.hops:
            if hop.translated:
                rows += _rows_of(trace, hop)
            elif hop.at.capabilities:
                rows += idle_rows(hop.at, trace.family, trace.connection, trace.direction, hop.index)
    return rows


def _rows_of(trace: Trace, hop: Hop) -> list[LedgerRow]:
    """A visit that translated: what was applied, then what was not."""
    family, connection, direction, index, device = trace.family, trace.connection, trace.direction, hop.index, hop.at.id
    rows: list[LedgerRow] = []
    for _, _, rule, before, after, kind, _ in hop.records:
        if kind is not None and before is not None and after is not None:
            words, ends = in_words(rule.reason, before), (_ends(before), _ends(after))
            rows.append(
                LedgerRow(kind, Outcome.APPLIED, family, connection, direction, index, device, rule.id, words, *ends)
            )
    applied = [row.kind for row in rows]
    rows += [row for row in idle_rows(hop.at, family, connection, direction, index) if row.kind not in applied]
    return rows


@lru_cache(maxsize=4096)
def idle_rows(
    device: Device, family: Family, connection: int, direction: Direction, hop: int | None
) -> tuple[LedgerRow, ...]:
    """What the ledger says of a visit where nothing was rewritten; remembered, since it seldom differs.

    ``hop`` is None for a NAT gateway that was not visited: what a packet did not meet is told too.
    """
    return tuple(
        LedgerRow(
            entry.kind,
            _outcome(entry, family),
            family,
            connection,
            direction,
            hop,
            device.id,
            entry.rule_for(family).id,
            entry.rule_for(family).reason,
        )
        for entry in device.capabilities
    )


def _outcome(capability: NatCapability, family: Family) -> Outcome:
    if not capability.kind.is_nat:
        return Outcome.NOTED
    return Outcome.SKIPPED if family in capability.families else Outcome.IMPOSSIBLE


def _ends(packet: Packet) -> Ends:
    with_ports = packet.protocol in (TCP, UDP)
    return Ends(
        address_text(packet.family, packet.src),
        address_text(packet.family, packet.dst),
        packet.sport if with_ports else None,
        packet.dport if with_ports else None,
    )
