"""The answer to one question: every connection and direction, the NAT ledger, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from dsflow.dataplane.device import Device
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.nat import NatKind
from dsflow.net.address import Family
from dsflow.trace.blockers import Blocker, blockers_of
from dsflow.trace.ledger import LedgerRow, Outcome, idle_rows, ledger_rows
from dsflow.trace.timing import Passage, Timing
from dsflow.trace.trace import Direction, Trace
from dsflow.version import __version__

__all__ = ["Chain", "Context", "PathType", "Question"]

SCHEMA = "dsflow.chain/1"


class PathType(StrEnum):
    """The kind of path between two ends of a cluster."""

    SAME_NODE = "same-node"
    CROSS_NODE = "cross-node"
    INGRESS = "ingress"
    EGRESS = "egress"
    VCN_INTERNAL = "vcn-internal"
    ON_PREMISES = "on-premises"


class Question(NamedTuple):
    """What was asked: two ends, a family, a protocol and ports (of an ICMP echo, None)."""

    origin: str
    target: str
    family: Family
    protocol: str
    sport: int | None
    dport: int | None

    def to_json(self) -> dict[str, Any]:
        """The question in the chain's JSON."""
        return {
            "from": self.origin,
            "to": self.target,
            "family": str(self.family),
            "protocol": self.protocol,
            "sport": self.sport,
            "dport": self.dport,
        }


class Context(NamedTuple):
    """What a chain owes to the simulation it comes from."""

    scenario: str
    profile: str
    seed: int
    nat_gateways: tuple[Device, ...] = ()
    estimator: Callable[[Sequence[Passage]], Any] | None = None


_UNKNOWN = (Disposition.UNDETERMINED, Disposition.LEFT_MODEL)


class Chain:
    """The traces of one question, in the order in which they happen.

    Attributes
    ----------
    question : Question
    path_type : PathType or None
        None where there is no cluster.
    traces : tuple of Trace
        Connection 1 forward, 1 reply, 2 forward ...; an error follows its cause.
    """

    def __init__(self, context: Context, question: Question, path_type: PathType | None, traces: list[Trace]) -> None:
        self._context = context
        self.question = question
        self.path_type = path_type
        self.traces = tuple(traces)
        self._ledger: tuple[LedgerRow, ...] | None = None
        self._timing: Timing | None = None
        if context.estimator is not None:
            self._timing = Timing(context.estimator, [trace.leg.passage for trace in traces])
            for trace in traces:
                trace.leg.timing = self._timing

    version = __version__

    @property
    def scenario(self) -> str:
        """The name of the scenario."""
        return self._context.scenario

    @property
    def profile(self) -> str:
        """Whose account of the cluster was simulated."""
        return self._context.profile

    @property
    def seed(self) -> int:
        """The seed of everything random."""
        return self._context.seed

    @property
    def forward(self) -> Trace:
        """The forward trace of the last connection opened: its end is the chain's."""
        return next(trace for trace in reversed(self.traces) if trace.direction is Direction.FORWARD)

    @property
    def disposition(self) -> Disposition:
        """How the last connection's forward trace ended."""
        return self.forward.disposition

    @property
    def round_trip(self) -> Disposition | None:
        """Whether the answer came back; None where none is due."""
        last = self.forward
        if last.disposition is Disposition.LEFT_MODEL:
            return Disposition.UNDETERMINED
        replies = [trace for trace in self.traces if trace.direction is Direction.REPLY]
        if last.disposition not in (Disposition.DELIVERED, Disposition.RE_ORIGINATED) or not replies:
            return None
        if any(reply.disposition in _UNKNOWN for reply in replies):
            return Disposition.UNDETERMINED
        if all(reply.disposition is Disposition.DELIVERED for reply in replies):
            return Disposition.DELIVERED
        return Disposition.RETURN_LOST

    @property
    def succeeded(self) -> bool:
        """Whether the packet was delivered and the answer, where one is due, came back: what tests assert."""
        return self.disposition is Disposition.DELIVERED and self.round_trip in (None, Disposition.DELIVERED)

    @property
    def failed(self) -> Trace | None:
        """The first trace that explains why the flow does not work, or None where it does."""
        if not self.disposition.is_success:
            return self.forward
        if self.round_trip in (Disposition.RETURN_LOST, Disposition.UNDETERMINED):
            return next(
                (
                    trace
                    for trace in self.traces
                    if trace.direction is Direction.REPLY and trace.disposition is not Disposition.DELIVERED
                ),
                None,
            )
        return None

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """What stands in the way, in the order met: all of it where policies were ignored, else the first."""
        return tuple(blockers_of(self.traces, self.failed))

    @property
    def nat_ledger(self) -> tuple[LedgerRow, ...]:
        """A row for every visited device and every kind of rewriting that it can do."""
        if self._ledger is None:
            self._ledger = tuple(self._make_ledger())
        return self._ledger

    def _make_ledger(self) -> list[LedgerRow]:
        rows = ledger_rows(self.traces)
        if self.path_type is PathType.EGRESS:
            first = self.traces[0]
            visited = {hop.at for trace in self.traces for hop in trace.hops}
            for gateway in self._context.nat_gateways:
                if gateway not in visited:
                    rows += idle_rows(gateway, first.family, first.connection, first.direction, None)
        return rows

    @property
    def nat_applied(self) -> tuple[LedgerRow, ...]:
        """The rows of the ledger where a header changed."""
        return tuple(row for row in self.nat_ledger if row.outcome is Outcome.APPLIED)

    @property
    def nat_kinds(self) -> tuple[NatKind, ...]:
        """The kinds of translation that were applied, each once, in the order met."""
        return tuple(dict.fromkeys(row.kind for row in self.nat_applied))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The ids of the assumptions that the rules on the way rest on, sorted."""
        return tuple(sorted(set(self._assumptions())))

    def _assumptions(self) -> Iterator[str]:
        for trace in self.traces:
            for hop in trace.hops:
                rules = [record[2] for record in hop.records]
                rules += [entry.rule_for(trace.family) for entry in hop.at.capabilities]
                yield from (rule.assumption for rule in rules if rule.assumption)
                yield from (name for rule in rules for name in rule.further)

    @property
    def latency(self) -> Any:
        """The estimate of the time taken, sampled on first use; None where no profile is at hand."""
        return None if self._timing is None else self._timing.estimate

    def time_over(self, *traces: Trace) -> Any:
        """The estimated time that traces take one after the other, however they ended; None without a profile.

        Of this chain or another one of its simulation: the first goes there, and at least one comes back.
        """
        estimator = self._context.estimator
        if traces == self.traces and self.round_trip is Disposition.DELIVERED:
            return None if self.latency is None else self.latency.round_trip
        return None if estimator is None else estimator([trace.passage.as_part() for trace in traces]).round_trip

    def to_json(self) -> dict[str, Any]:
        """The chain as the trace's JSON, in plain dicts and lists."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "scenario": self.scenario,
            "profile": self.profile,
            "seed": self.seed,
            "question": self.question.to_json(),
            "path_type": self.path_type,
            "disposition": self.disposition,
            "round_trip": self.round_trip,
            "traces": [trace.to_json() for trace in self.traces],
            "nat_ledger": [row.to_json() for row in self.nat_ledger],
            "latency_us": None if self.latency is None else self.latency.to_json(),
            "assumptions": list(self.assumptions),
        }

    def to_packets(self) -> list[list[list[Any]]]:
        """Scapy packets by trace, hop and position on the wire: what left, or at the last hop what arrived."""
        from dsflow.net.packets import to_scapy

        return [
            [[to_scapy(packet.raw) for packet in hop.left or hop.arrived] for hop in trace.hops]
            for trace in self.traces
        ]

    def __repr__(self) -> str:
        ends = f"{self.question.origin} -> {self.question.target}"
        lost = self.failed
        why = "" if lost is None else f": {lost.reason}"
        back = f", {self.round_trip}" if self.round_trip not in (None, Disposition.DELIVERED) else ""
        return f"<Chain {ends} {self.question.family} {self.disposition}{back}{why}>"


def chains_json(chains: Mapping[Family, Chain]) -> dict[str, Any]:
    """Both families' chains in one JSON object."""
    return {"schema": "dsflow.chains/1", "chains": [chain.to_json() for chain in chains.values()]}
