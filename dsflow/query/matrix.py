"""The main job: every path type in both families, asked and answered, as one matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dsflow.dataplane.disposition import Disposition
from dsflow.model.question import Flow
from dsflow.model.topology import Profile
from dsflow.net.address import Family
from dsflow.query import table
from dsflow.query.select import Selection, select
from dsflow.query.table import Block, Row, Table, interval_text
from dsflow.simulation import Simulation
from dsflow.trace.chain import Chain, PathType
from dsflow.trace.trace import Direction, Trace
from dsflow.trace.words import CAVEAT, size_words

__all__ = ["Cell", "Matrix", "explanation", "nat_text", "port_text", "run_matrix"]

NOT_AVAILABLE = "n/a"
_BLANK = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One question with its answer, or what the scenario lacks to ask it.

    ``of_scenario`` tells the scenario's own ``flows:`` from the questions of the main job.
    """

    path_type: PathType | None
    family: Family
    chain: Chain | None = None
    missing: str | None = None
    of_scenario: bool = False

    @property
    def is_delivered(self) -> bool:
        """Whether the packet arrived, and the answer to it where one is due."""
        return self.chain is not None and self.chain.succeeded

    @property
    def disposition_text(self) -> str:
        """``delivered``, another disposition, ``delivered, return-lost`` or ``n/a``."""
        if self.chain is None:
            return NOT_AVAILABLE
        disposition, back = self.chain.disposition, self.chain.round_trip
        arrived = disposition in (Disposition.DELIVERED, Disposition.RE_ORIGINATED)
        if not arrived or back in (None, Disposition.DELIVERED):
            return str(disposition)
        return f"{disposition}, {back}"

    @property
    def hops(self) -> int | None:
        """The hops of the way there, those of every connection; None where nothing was asked.

        A proxy counts twice: it ends one connection and begins another.
        """
        if self.chain is None:
            return None
        return sum(len(trace.hops) for trace in self.chain.traces if trace.direction is Direction.FORWARD)

    @property
    def nat_text(self) -> str:
        """The translations that were applied and where, or ``none``."""
        return _BLANK if self.chain is None else nat_text(self.chain)

    @property
    def explanation(self) -> str | None:
        """Where and why the packet or its answer did not arrive; for n/a, what is missing."""
        return self.missing if self.chain is None else explanation(self.chain)

    @property
    def mend(self) -> str | None:
        """The smallest change that would let the packet on, where that is plain."""
        return None if self.chain is None or self.chain.failed is None else self.chain.failed.mend


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The answers of one simulation, in the order in which they were asked."""

    simulation: Simulation
    cells: tuple[Cell, ...]
    note: str

    @property
    def chains(self) -> tuple[Chain, ...]:
        """The answers, without what could not be asked."""
        return tuple(cell.chain for cell in self.cells if cell.chain is not None)

    def blocks(self) -> Iterator[Block]:
        """The matrix, who was asked, and what should be known with it."""
        topology = self.simulation.topology
        yield f"{topology.name} (profile {topology.profile}, seed {self.simulation.seed})"
        yield Table(_HEADERS, tuple(map(_row, self.cells)))
        asked = dict.fromkeys(_asked(cell.chain) for cell in self.cells if cell.chain and not cell.of_scenario)
        if asked:
            yield Table(("PATH", "FROM", "TO", "PORT"), tuple(map(Row, asked)))
        yield f"P50 and P99: one way, with 90 % interval; {CAVEAT}."
        if self.note:
            yield self.note

    def __str__(self) -> str:
        return table.plain(self.blocks())

    def _repr_html_(self) -> str:
        return table.html(self.blocks())


def run_matrix(simulation: Simulation, progress: Callable[[int, int], object] | None = None) -> Matrix:
    """The matrix of a simulation: the main job's questions, then the scenario's own flows.

    Parameters
    ----------
    simulation
        What is asked.
    progress
        Called with how many answers are there and how many there will be.

    >>> import dsflow
    >>> [cell.disposition_text for cell in run_matrix(dsflow.load("two-pods")).cells[:4]]
    ['n/a', 'n/a', 'delivered', 'delivered']
    """
    questions: list[Selection | Flow] = [*select(simulation.topology), *simulation.topology.flows]
    cells = []
    for number, question in enumerate(questions, start=1):
        cells.append(_answer(simulation, question))
        if progress is not None:
            progress(number, len(questions))
    return Matrix(simulation=simulation, cells=tuple(cells), note=_note(simulation))


def _answer(simulation: Simulation, question: Selection | Flow) -> Cell:
    """The cell of a question; the estimate of its time is made here, where progress is shown."""
    if isinstance(question, Flow):
        chain = simulation.ask(question)
        cell = Cell(path_type=chain.path_type, family=question.family, chain=chain, of_scenario=True)
    elif question.flow is not None:
        cell = Cell(path_type=question.path_type, family=question.family, chain=simulation.ask(question.flow))
    else:
        cell = Cell(path_type=question.path_type, family=question.family, missing=question.missing)
    _ = _times(cell)
    return cell


_AS_BUILT = (
    "The as-built profile differs here: Oracle's flexible load balancers reach their backends over IPv4 only, "
    "through node ports; in the article's profile they reach the pods, in both families."
)


_NOTHING_ASKED = (
    "There is no cluster and there are no flows, so nothing is asked: write flows, or ask with dsflow trace."
)


def _note(simulation: Simulation) -> str:
    topology = simulation.topology
    if topology.devices and not topology.nodes and not topology.flows:
        return _NOTHING_ASKED
    return _AS_BUILT if topology.profile is Profile.ARTICLE and topology.load_balancers else ""


def nat_text(chain: Chain) -> str:
    """Which translations a chain met and where, each once: ``gateway-snat at natgw/nat``, or ``none``."""
    return ", ".join(dict.fromkeys(f"{row.kind} at {row.device}" for row in chain.nat_applied)) or "none"


def explanation(chain: Chain) -> str | None:
    """Where and why a chain failed, in one line; None where it did not."""
    if chain.failed is not None:
        return _told(chain.failed)
    return None if chain.disposition is Disposition.DELIVERED else _told(chain.forward)


def _told(trace: Trace) -> str:
    last = trace.ended_at
    made = any(decision.before is not None for decision in last.decisions)
    return f"at {last.device}: {trace.reason}" if made else trace.reason


def port_text(protocol: str, port: int | None) -> str:
    """``tcp/80``, or the protocol alone where it has no ports.

    >>> port_text("tcp", 80), port_text("icmp", None)
    ('tcp/80', 'icmp')
    """
    return protocol if port is None else f"{protocol}/{port}"


_HEADERS = ("PATH", "FAMILY", "DISPOSITION", "HOPS", "NAT", "P50", "P99")


def _row(cell: Cell) -> Row:
    hops = _BLANK if cell.hops is None else str(cell.hops)
    path = str(cell.path_type or _BLANK)
    cells = (path, str(cell.family), cell.disposition_text, hops, cell.nat_text, *_times(cell))
    return Row(cells, tuple(_notes(cell)))


def _times(cell: Cell) -> tuple[str, str]:
    """The estimates, of delivered packets only: a packet that is lost takes no time to arrive."""
    if not cell.is_delivered or cell.chain is None or cell.chain.latency is None:
        return _BLANK, _BLANK
    one_way = cell.chain.latency.one_way
    return interval_text(one_way.p50), interval_text(one_way.p99)


def _notes(cell: Cell) -> Iterator[str]:
    if cell.of_scenario and cell.chain is not None:
        _, origin, target, port = _asked(cell.chain)
        yield f"the scenario's own: {origin} -> {target} {port}{_details(cell.chain)}"
    told_once = cell.chain is None and cell.family is Family.IPV4  # what is missing is missing in both families
    if cell.explanation is not None and not told_once:
        yield cell.explanation + (f"; to mend: {cell.mend}" if cell.mend else "")


def _details(chain: Chain) -> str:
    """What tells a flow from others between the same ends: source port, size, TTL."""
    header = chain.forward.hops[0].header_out
    if header is None:
        return ""
    sport = "" if chain.question.sport is None else f" from port {chain.question.sport}"
    return f"{sport}, {size_words(chain.forward.hops[0])}, ttl {header.ttl}"


def _asked(chain: Chain) -> tuple[str, str, str, str]:
    asked = chain.question
    return str(chain.path_type), asked.origin, asked.target, port_text(asked.protocol, asked.dport)
