"""One table's decision about one packet, in words: made when looked at, from what the walk kept."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from dsflow.dataplane.action import Drop, Evidence, Forward, Rule
from dsflow.dataplane.nat import NatKind
from dsflow.dataplane.tables import HEALTH_CHECK_STAGE
from dsflow.net.packet import Header, Packet, read_header

__all__ = [
    "POLICY_STAGES",
    "VNIC_STAGE",
    "Change",
    "Decision",
    "Effect",
    "Record",
    "Step",
    "explain",
    "header_changes",
    "in_words",
    "is_policy",
]

VNIC_STAGE = "vnic-security"
"""The stage of security lists and NSGs."""

POLICY_STAGES = frozenset({VNIC_STAGE, HEALTH_CHECK_STAGE, "network-policy", "listener", "input", "forward", "output"})
"""The stages that keep packets out because somebody wrote so, and would let them pass if asked to."""


def is_policy(stage: str, drop: Drop) -> bool:
    """Whether a stage refuses a packet because somebody wrote so."""
    return stage in POLICY_STAGES and (drop.disposition.is_denial or stage == HEALTH_CHECK_STAGE)


class Effect(StrEnum):
    """What a step did to the packet."""

    PASS = "pass"  # noqa: S105 - the word of the trace format, no password
    REWRITE = "rewrite"
    SKIP = "skip"
    DROP = "drop"
    REJECT = "reject"
    DELIVER = "deliver"
    RE_ORIGINATE = "re-originate"
    UNKNOWN = "unknown"


class Decision(NamedTuple):
    """What the walk keeps of a step: who decided, by which rule, and the packet before and after.

    ``mtu_bytes`` is that of the link the packet was about to take, for the words.
    """

    stage: str
    effect: Effect
    rule: Rule
    before: Packet | None
    after: Packet | None
    kind: NatKind | None
    mtu_bytes: int


Record = tuple[str, Effect, Rule, Packet | None, Packet | None, NatKind | None, int]
"""A Decision as the walk writes it down: a plain tuple, which costs a tenth of a named one."""


class Pattern:
    """The records of a visit that depended on the addresses alone, without the packets.

    Every packet between the same ends repeats them as long as it fits ``mtu_bytes`` and has hops left.
    ``lowers`` says whether the visit lowered the hop limit, the only rewriting there can be.
    """

    __slots__ = ("forward", "lowers", "mtu_bytes", "neighbor", "steps")

    def __init__(self, forward: Forward, records: Sequence[Record], mtu_bytes: int) -> None:
        """Take the pattern from the records of a first visit."""
        self.forward = forward
        self.neighbor = forward.neighbor
        self.mtu_bytes = mtu_bytes
        self.steps = tuple(record[:3] for record in records)
        self.lowers = any(effect is Effect.REWRITE for _, effect, _ in self.steps)

    def records(self, before: Packet, after: Packet) -> list[Record]:
        """The records of another visit: the only rewriting step is the one that made ``after``."""
        filled: list[Record] = []
        for stage, effect, rule in self.steps:
            new = after if effect is Effect.REWRITE else None
            filled.append((stage, effect, rule, before, new, None, 0))
            before = new or before
        return filled


class Change(NamedTuple):
    """One header field before and after."""

    field: str
    before: str | int | None
    after: str | int | None


class Step(NamedTuple):
    """A decision as people and JSON read it.

    ``rule`` names the row that decided, None where the behaviour is implicit; ``source`` is the place
    in the scenario; ``changes`` are the header fields that differ, checksums and lengths left out.
    """

    stage: str
    effect: Effect
    rule: str | None
    source: str | None
    explicit: bool
    reason: str
    changes: tuple[Change, ...]
    evidence: Evidence
    assumption: str | None

    def to_json(self) -> dict[str, Any]:
        """The step in the trace's JSON."""
        return self._asdict() | {"changes": [change._asdict() for change in self.changes]}


def explain(decision: Decision) -> Step:
    """The step that a decision was."""
    rule = decision.rule
    return Step(
        decision.stage,
        decision.effect,
        rule.id,
        rule.source or None,
        rule.explicit,
        in_words(rule.reason, decision.before, decision.mtu_bytes),
        _changes(decision),
        rule.evidence,
        rule.assumption,
    )


def in_words(template: str, packet: Packet | None, mtu_bytes: int = 0) -> str:
    """A rule's template filled with the packet's fields."""
    if packet is None or "{" not in template:
        return template
    header = read_header(packet)
    return template.format(
        src=header.src,
        dst=header.dst,
        sport=header.sport,
        dport=header.dport,
        protocol=header.protocol,
        asked=_asked(header),
        ttl=header.ttl,
        length=header.length,
        mtu=mtu_bytes,
    )


def _asked(header: Header) -> str:
    """The protocol, with the port or ICMP type that a rule would look at."""
    if header.icmp is not None:
        return f"{header.protocol} type {header.icmp.type}"
    return f"{header.protocol}" if header.dport is None else f"{header.protocol} port {header.dport}"


def _changes(decision: Decision) -> tuple[Change, ...]:
    if decision.before is None or decision.after is None:
        return ()
    return header_changes(decision.before, decision.after)


_COMPARED = ("src", "dst", "sport", "dport", "ttl")


def header_changes(before: Packet, after: Packet) -> tuple[Change, ...]:
    """The fields that differ between two packets; an ICMP identifier counts as ``icmp.id``."""
    one, other = read_header(before), read_header(after)
    changes = [
        Change(name, getattr(one, name), getattr(other, name))
        for name in _COMPARED
        if getattr(one, name) != getattr(other, name)
    ]
    if _identifier(one) != _identifier(other):
        changes.append(Change("icmp.id", _identifier(one), _identifier(other)))
    return tuple(changes)


def _identifier(header: Header) -> int | None:
    return header.icmp.id if header.icmp else None
