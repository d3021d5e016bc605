"""What changed between two simulations, question by question, and why.

Asked are the main job's questions and what the scenarios ask and expect themselves, each once, in both.
Compared are how the packet and its answer ended, the translations and the path.  The time counts as
changed only where what is paid on the way differs: an estimate varies with nothing else.  Addresses in
headers are no difference: a cluster that is numbered anew but behaves the same is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from dsflow.dataplane.disposition import Disposition
from dsflow.errors import UsageError
from dsflow.model.question import Flow
from dsflow.query import table
from dsflow.query.matrix import nat_text, port_text
from dsflow.query.reasons import paid, reasons, way, why
from dsflow.query.select import select
from dsflow.query.table import Block, Row, Table, interval_text
from dsflow.simulation import Simulation
from dsflow.trace.chain import Chain
from dsflow.trace.trace import Direction

__all__ = ["Change", "Difference", "DifferenceRow", "diff"]

_BLANK = "-"
_ABSENT = "not there"


class Change(NamedTuple):
    """One thing that is not as it was, in words before and after.

    ``what`` is ``disposition``, ``round trip``, ``path type``, ``nat``, ``path``, ``reply path`` or ``p50``.
    """

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """The questions between two ends in one family that changed in the same way, and why they did."""

    path_type: str
    origin: str
    target: str
    family: str
    ports: tuple[str, ...]
    changes: tuple[Change, ...]
    why: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return {
            "path_type": self.path_type,
            "from": self.origin,
            "to": self.target,
            "family": self.family,
            "ports": list(self.ports),
            "changes": [change._asdict() for change in self.changes],
            "why": list(self.why),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything that changed from ``before`` to ``after``; false where nothing did."""

    before: str
    after: str
    questions: int
    rows: tuple[DifferenceRow, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.only_before or self.only_after)

    def to_json(self) -> dict[str, Any]:
        """The difference as plain data."""
        return {
            "schema": "dsflow.diff/1",
            "before": self.before,
            "after": self.after,
            "questions": self.questions,
            "rows": [row.to_json() for row in self.rows],
            "only_before": list(self.only_before),
            "only_after": list(self.only_after),
        }

    def blocks(self) -> Iterator[Block]:
        """The difference as tables and lines."""
        yield f"{self.before} -> {self.after}"
        if self.rows:
            yield Table(_HEADERS, tuple(map(_table_row, self.rows)))
        for title, devices in ((self.before, self.only_before), (self.after, self.only_after)):
            if devices:
                yield "\n".join([f"Only in {title}:", *(f"    {device}" for device in devices)])
        yield _tally(self)

    def __str__(self) -> str:
        return table.plain(self.blocks())

    def _repr_html_(self) -> str:
        return table.html(self.blocks())


_HEADERS = ("PATH", "FAMILY", "FROM", "TO", "PORT")


def _table_row(row: DifferenceRow) -> Row:
    changes = tuple(line for change in row.changes for line in _change_lines(change))
    cells = row.path_type, row.family, row.origin, row.target, ",".join(row.ports)
    return Row(cells, (*changes, *(f"why: {why}" for why in row.why)))


def _change_lines(change: Change) -> Iterator[str]:
    """One line, but for paths, which are long: a line for each side."""
    if change.what in ("path", "reply path"):
        yield f"{change.what} before: {change.before}"
        yield f"{change.what} after:  {change.after}"
    else:
        yield f"{change.what}: {change.before} -> {change.after}"


def _tally(difference: Difference) -> str:
    if not difference:
        return f"No difference in {difference.questions} questions."
    changed = sum(len(row.ports) for row in difference.rows)
    are = "is" if changed == 1 else "are"
    return f"{changed} of {difference.questions} questions {are} answered differently."


def diff(
    before: Simulation,
    after: Simulation,
    *,
    names: tuple[str, str] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Difference:
    """What changed from one simulation to the other.

    Parameters
    ----------
    before, after
        The two simulations.
    names
        What to call them; the scenarios' names when left out.
    progress
        Called with how many questions are compared and how many there are.

    >>> import dsflow
    >>> gua = dsflow.load("oke-sydney-gua")
    >>> [(row.path_type, row.family) for row in diff(gua, gua.what_if({"gateways.nat.enabled": False})).rows]
    [('egress', 'ipv4')]
    """
    flows = _questions(before, after)
    found: list[DifferenceRow] = []
    for number, flow in enumerate(flows, start=1):
        row = _compared(flow, _asked(before, flow), _asked(after, flow))
        found += [] if row is None else [row]
        if progress is not None:
            progress(number, len(flows))
    first, second = names or _names(before, after)
    return Difference(
        before=first,
        after=second,
        questions=len(flows),
        rows=tuple(_merged(found)),
        only_before=tuple(device for device in before.dataplane if device not in after.dataplane),
        only_after=tuple(device for device in after.dataplane if device not in before.dataplane),
    )


def _names(before: Simulation, after: Simulation) -> tuple[str, str]:
    if before.name != after.name:
        return before.name, after.name
    return f"{before.name} before", f"{after.name} after"


def _questions(*simulations: Simulation) -> list[Flow]:
    """The questions of all, each once: the main job's first, then the scenarios' own."""
    topologies = [simulation.topology for simulation in simulations]
    chosen = [one.flow for topology in topologies for one in select(topology) if one.flow is not None]
    own = [flow for topology in topologies for flow in topology.flows]
    expected = [expectation.flow for topology in topologies for expectation in topology.expect]
    return list(dict.fromkeys([*chosen, *own, *expected]))


def _asked(simulation: Simulation, flow: Flow) -> Chain | str:
    """The answer, or why the question cannot be asked here: an end may exist on one side only."""
    try:
        return simulation.ask(flow)
    except UsageError as error:
        return str(error)


def _compared(flow: Flow, before: Chain | str, after: Chain | str) -> DifferenceRow | None:
    if isinstance(before, Chain) and isinstance(after, Chain):
        changes = tuple(_changes(before, after))
        return _row(flow, after, changes, reasons(before, after)) if changes else None
    if isinstance(before, Chain):
        changes = tuple(Change(what, told, _ABSENT) for what, told in _told(before))
        return _row(
            flow, before, changes, (*(f"before: {told}" for told in why(before)), f"after: {_without_hint(after)}")
        )
    if isinstance(after, Chain):
        changes = tuple(Change(what, _ABSENT, told) for what, told in _told(after))
        return _row(
            flow, after, changes, (f"before: {_without_hint(before)}", *(f"after: {told}" for told in why(after)))
        )
    raise UsageError(after)  # asked by one of them, and impossible in both


def _told(chain: Chain) -> Iterator[tuple[str, str]]:
    """What there is to tell of an answer that only one side has."""
    yield "disposition", _ending(chain)
    if chain.nat_applied:
        yield "nat", nat_text(chain)
    yield "path", way(chain)


def _without_hint(problem: str | Chain) -> str:
    """Why a question cannot be asked; what is not there on purpose needs no other name."""
    return str(problem).partition("; did you mean")[0]


def _row(flow: Flow, chain: Chain, changes: tuple[Change, ...], told: tuple[str, ...]) -> DifferenceRow:
    return DifferenceRow(
        path_type=str(chain.path_type or _BLANK),
        origin=flow.origin,
        target=flow.target,
        family=str(flow.family),
        ports=(port_text(flow.protocol, flow.dport),),
        changes=changes,
        why=told,
    )


def _merged(rows: Iterable[DifferenceRow]) -> list[DifferenceRow]:
    """One row for all ports between the same ends that changed alike."""
    merged: dict[DifferenceRow, tuple[str, ...]] = {}
    for row in rows:
        key = replace(row, ports=())
        merged[key] = tuple(dict.fromkeys((*merged.get(key, ()), *row.ports)))
    return [replace(key, ports=ports) for key, ports in merged.items()]


def _changes(before: Chain, after: Chain) -> Iterator[Change]:
    same_ending = before.disposition is after.disposition
    if not same_ending:
        yield Change("disposition", _ending(before), _ending(after))
    elif before.round_trip is not after.round_trip:
        yield Change("round trip", _round_trip(before), _round_trip(after))
    if before.path_type is not after.path_type:
        yield Change("path type", str(before.path_type or _BLANK), str(after.path_type or _BLANK))
    if nat_text(before) != nat_text(after):
        yield Change("nat", nat_text(before), nat_text(after))
    if way(before) != way(after):
        yield Change("path", way(before), way(after))
    elif same_ending and way(before, Direction.REPLY) != way(after, Direction.REPLY):
        yield Change("reply path", way(before, Direction.REPLY), way(after, Direction.REPLY))
    if paid(before) != paid(after) and _p50(before) != _p50(after):
        yield Change("p50", _p50(before), _p50(after))


def _ending(chain: Chain) -> str:
    return str(chain.disposition)


def _round_trip(chain: Chain) -> str:
    return str(chain.round_trip or _BLANK)


def _p50(chain: Chain) -> str:
    """The median one way of a packet that arrived."""
    if chain.disposition is not Disposition.DELIVERED or chain.latency is None:
        return _BLANK
    return interval_text(chain.latency.one_way.p50)
