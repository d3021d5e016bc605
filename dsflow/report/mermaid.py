"""A chain as a Mermaid sequence diagram: text that GitHub, GitLab and most wikis draw."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.ledger import LedgerRow
from dsflow.trace.trace import Direction, Trace
from dsflow.trace.words import NO_HEADER, endpoint, packet_words, question_words, trace_title, verdict_words

__all__ = ["chain_mermaid"]


def chain_mermaid(chain: Chain) -> str:
    """The diagram of a chain: devices as participants, a message for every link, notes for NAT, redirects and drops.

    >>> import dsflow
    >>> chain = dsflow.load("two-pods").trace("pod/default/client", "pod/default/server", family=4, tcp=80)
    >>> chain_mermaid(chain).splitlines()[2]
    '    participant d0 as pod/default/client'
    """
    return "\n".join(["sequenceDiagram", *(f"    {line}" for line in _lines(chain))]) + "\n"


def _lines(chain: Chain) -> Iterator[str]:
    visited = dict.fromkeys(hop.device for trace in chain.traces for hop in trace.hops)
    names = {device: f"d{number}" for number, device in enumerate(visited)}
    yield f"title: {_safe(question_words(chain))}"
    for device, name in names.items():
        yield f"participant {name} as {_safe(device)}"
    everywhere = ",".join(dict.fromkeys(("d0", f"d{len(names) - 1}")))  # once where there is one participant
    for trace in chain.traces:
        yield f"Note over {everywhere}: {_safe(trace_title(chain, trace))}"
        yield from _trace_lines(trace, names, _applied(chain, trace))
        if trace is chain.failed:
            _, why, mend = verdict_words(chain)
            yield from _ending(trace, names, why, mend)


def _applied(chain: Chain, trace: Trace) -> dict[int, list[LedgerRow]]:
    """The translations of a trace by hop.  Connection and direction name a trace, except among errors."""
    found: dict[int, list[LedgerRow]] = {}
    for row in chain.nat_applied:
        if row.hop is not None and (row.connection, row.direction) == (trace.connection, trace.direction):
            found.setdefault(row.hop, []).append(row)
    return found


def _trace_lines(trace: Trace, names: dict[str, str], applied: dict[int, list[LedgerRow]]) -> Iterator[str]:
    arrow = "->>" if trace.direction is Direction.FORWARD else "-->>"
    for hop in trace.hops:
        here = names[hop.device]
        for row in applied.get(hop.index, ()):
            yield f"Note over {here}: {_safe(_translation(row))}"
        for told in _redirects(hop):
            yield f"Note over {here}: {_safe(told)}"
        if hop.index + 1 < len(trace.hops):
            yield f"{here}{arrow}{names[trace.hops[hop.index + 1].device]}: {_safe(_message(hop))}"


def _translation(row: LedgerRow) -> str:
    old, new = row.before, row.after
    assert old is not None, "an applied row tells both ends before"
    assert new is not None, "and after"
    if (old.src, old.sport) != (new.src, new.sport):
        return f"{row.kind}: source {endpoint(old.src, old.sport)} becomes {endpoint(new.src, new.sport)}"
    return f"{row.kind}: destination {endpoint(old.dst, old.dport)} becomes {endpoint(new.dst, new.dport)}"


def _redirects(hop: Hop) -> Iterator[str]:
    """What the device told the sender besides."""
    return (f"{step.stage}: {step.reason}" for step in hop.steps if step.stage == "redirect")


def _message(hop: Hop) -> str:
    header = hop.header_out
    if header is None:
        return f"packet {NO_HEADER}, {hop.left[0].length} bytes"
    pieces = f", {len(hop.left)} fragments" if len(hop.left) > 1 else ""
    return f"{packet_words(header)}, TTL {header.ttl}{pieces}"


def _ending(trace: Trace, names: dict[str, str], why: str | None, mend: str | None) -> Iterator[str]:
    last = names[trace.ended_at.device]
    yield f"Note over {last}: {_safe(f'{trace.disposition}: {why}')}"
    if mend:
        yield f"Note over {last}: {_safe(f'to mend: {mend}')}"


def _safe(text: str) -> str:
    """The text with the characters that end a Mermaid statement written as its entities.

    >>> _safe("route-table#1; next")
    'route-table#35;1#59; next'
    """
    marked = text.replace("#", "\\0").replace(";", "#59;").replace("\\0", "#35;")
    return " ".join(marked.replace("%%", "#37;#37;").split())
