"""What ``print(chain)`` shows: plain aligned text, the packet's addresses told where they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.step import Step
from dsflow.trace.trace import Trace
from dsflow.trace.words import (
    CAVEAT,
    HopWords,
    context_words,
    hop_words,
    ignored_words,
    latency_words,
    ledger_summary,
    question_words,
    seen_words,
    size_words,
    trace_title,
    translation_words,
    verdict_words,
)

__all__ = ["aligned", "chain_text"]


def chain_text(chain: Chain, *, wide: bool = False) -> str:
    """A chain as text: question, verdict, every hop, the NAT ledger and the estimated time.

    ``wide`` adds every step with its rule, source and reason, and every row of the ledger.  Its latency
    is sampled here, on first use.

    >>> import dsflow
    >>> chain = dsflow.load("two-pods").trace("pod/default/client", "pod/default/server", family=6, tcp=80)
    >>> print(chain_text(chain).splitlines()[2])
    delivered, and the answer came back
    """
    return "\n".join(_lines(chain, wide))


def _lines(chain: Chain, wide: bool) -> Iterator[str]:
    yield question_words(chain)
    yield context_words(chain)
    verdict, why, mend = verdict_words(chain)
    yield verdict
    if why:
        yield f"  why: {why}"
    if mend:
        yield f"  to mend: {mend}"
    for line in ignored_words(chain):
        yield f"  ignored: {line}"
    for trace in chain.traces:
        yield ""
        yield trace_title(chain, trace)
        yield from _hop_lines(trace, wide)
    yield ""
    seen = seen_words(chain)
    if seen is not None:
        yield f"seen: {seen}"
    yield from _ledger_lines(chain, wide)
    times = latency_words(chain)
    if times:
        yield f"latency ({CAVEAT}):"
        yield from (f"  {line}" for line in times)
    if chain.assumptions:
        yield f"assumptions: {', '.join(chain.assumptions)}"


_HEADINGS = ("#", "DEVICE", "IN", "OUT", "TTL", "REMARKS")


def _hop_lines(trace: Trace, wide: bool) -> Iterator[str]:
    rows = list(hop_words(trace))
    table = aligned([_HEADINGS, *(_columns(row) for row in rows)])
    if rows[0].packet != "-":
        yield f"  packet {rows[0].packet}, {size_words(trace.hops[0])}"
    yield f"  {table[0]}"
    packet = rows[0].packet
    for hop, row, line in zip(trace.hops, rows, table[1:], strict=True):
        yield f"  {line}"
        if wide:
            yield from _step_lines(hop)
        if row.packet != packet:
            packet = row.packet
            yield f"  packet {packet}"


def _columns(row: HopWords) -> tuple[str, ...]:
    return str(row.number), row.device, _short(row.in_interface), _short(row.out_interface), row.ttl, row.remark


def _short(interface: str) -> str:
    """A node's interface to a pod is the pod's id, which the next row tells in full."""
    return interface.rpartition("/")[2] if interface.startswith("pod/") else interface


def _step_lines(hop: Hop) -> Iterator[str]:
    rows = [(step.stage, step.effect, _told(step)) for step in hop.steps]
    yield from (f"       {line}" for line in aligned(rows))


def _told(step: Step) -> str:
    basis = step.evidence if step.assumption is None else f"{step.evidence}: {step.assumption}"
    changes = "".join(f"; {change.field} {change.before} -> {change.after}" for change in step.changes)
    place = ", ".join(part for part in (step.rule, step.source, str(basis)) if part)
    return f"{step.reason}{changes} [{place}]"


def _ledger_lines(chain: Chain, wide: bool) -> Iterator[str]:
    yield f"NAT: {ledger_summary(chain.nat_ledger)}"
    if not wide:
        yield from (f"  {translation_words(row)}" for row in chain.nat_applied)
        return
    rows = [
        (
            row.outcome,
            str(row.connection),
            row.direction,
            row.device if row.hop is not None else f"{row.device} (not visited)",
            row.kind,
            row.reason,
        )
        for row in chain.nat_ledger
    ]
    if not rows:
        return
    yield from (f"  {line}" for line in aligned([("OUTCOME", "CONN", "WAY", "DEVICE", "KIND", "REASON"), *rows]))


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """The rows as lines with their columns under each other, two blanks apart.

    >>> aligned([("a", "bcd", "e"), ("fgh", "i", "")])
    ['a    bcd  e', 'fgh  i']
    """
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
