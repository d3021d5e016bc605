"""What a notebook shows of a chain: the text's content as HTML, escaped, with nothing from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from dsflow.trace.chain import Chain
from dsflow.trace.ledger import LedgerRow, Outcome
from dsflow.trace.trace import Trace
from dsflow.trace.words import (
    CAVEAT,
    context_words,
    ends_words,
    hop_words,
    latency_words,
    ledger_summary,
    question_words,
    trace_title,
    verdict_words,
)

__all__ = ["chain_html", "table_html"]


def chain_html(chain: Chain) -> str:
    """A chain as an HTML fragment: question, verdict, a table for every trace, the NAT ledger and the times.

    >>> import dsflow
    >>> chain = dsflow.load("two-pods").trace("pod/default/client", "pod/default/server", family=6, tcp=80)
    >>> chain_html(chain)[:26]
    '<div class="dsflow-chain">'
    """
    return f'<div class="dsflow-chain">{"".join(_parts(chain))}</div>'


def _parts(chain: Chain) -> Iterator[str]:
    verdict, why, mend = verdict_words(chain)
    yield f"<p><b>{escape(question_words(chain))}</b><br>{escape(context_words(chain))}<br>"
    yield f'<b style="color:{_colour(chain)}">{escape(verdict)}</b>'
    yield from (f"<br>{label}: {escape(told)}" for label, told in (("why", why), ("to mend", mend)) if told)
    yield "</p>"
    for trace in chain.traces:
        yield table_html(_HEADINGS, _hop_rows(trace), caption=trace_title(chain, trace))
    summary = escape(f"NAT: {ledger_summary(chain.nat_ledger)}")
    ledger = table_html(_LEDGER_HEADINGS, map(_ledger_row, chain.nat_ledger))
    yield f"<details{' open' if chain.nat_applied else ''}><summary>{summary}</summary>{ledger}</details>"
    times = latency_words(chain)
    if times:
        yield f"<p>latency ({escape(CAVEAT)}):<br>{'<br>'.join(map(escape, times))}</p>"
    if chain.assumptions:
        yield f"<p>assumptions: {escape(', '.join(chain.assumptions))}</p>"


_WORKS, _FAILS = "#1a7f37", "#b42318"


def _colour(chain: Chain) -> str:
    return _WORKS if chain.failed is None else _FAILS


_HEADINGS = ("#", "device", "in", "out", "TTL", "packet", "bytes", "remarks")


def _hop_rows(trace: Trace) -> Iterator[tuple[str, ...]]:
    for row in hop_words(trace):
        way = row.in_interface, row.out_interface
        yield str(row.number), row.device, *way, row.ttl, row.packet, row.length, row.remark


_LEDGER_HEADINGS = ("outcome", "kind", "device", "connection", "hop", "before", "after", "reason")


def _ledger_row(row: LedgerRow) -> tuple[str, ...]:
    ends = ["" if found is None else ends_words(found) for found in (row.before, row.after)]
    hop = "not visited" if row.hop is None else str(row.hop)
    outcome = row.outcome.upper() if row.outcome is Outcome.APPLIED else str(row.outcome)
    return outcome, str(row.kind), row.device, f"{row.connection} {row.direction}", hop, *ends, row.reason


_CELL = "text-align:left;padding:1px 8px 1px 0"


def table_html(headings: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "") -> str:
    """A table whose cells are text: everything in it is escaped.

    >>> table_html(["a"], [["<b>"]]).endswith("&lt;b&gt;</td></tr></table>")
    True
    """
    told = f'<caption style="text-align:left"><b>{escape(caption)}</b></caption>' if caption else ""
    head = _row("th", headings)
    return f"<table>{told}{head}{''.join(_row('td', row) for row in rows)}</table>"


def _row(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f'<{tag} style="{_CELL}">{escape(cell)}</{tag}>' for cell in cells) + "</tr>"
