"""A chain in words: what every way of showing it (text, HTML, diagram) has to say, said once.

Nothing here knows of columns, tags or colours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dsflow.dataplane.disposition import Disposition
from dsflow.net.fragment import reassemble
from dsflow.net.packet import Header
from dsflow.trace.blockers import Blocker, ignored
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.ledger import Ends, LedgerRow, Outcome
from dsflow.trace.step import Effect
from dsflow.trace.trace import Direction, Trace

__all__ = [
    "CAVEAT",
    "NO_HEADER",
    "HopWords",
    "context_words",
    "direction_words",
    "endpoint",
    "ends_words",
    "hop_words",
    "ignored_words",
    "interval_words",
    "latency_words",
    "ledger_summary",
    "packet_words",
    "question_words",
    "seen_words",
    "size_words",
    "trace_title",
    "translation_words",
    "verdict_words",
]

CAVEAT = "estimate, not measured in OCI"
"""What every report says beside a time."""


NO_HEADER = "without an IP header"
"""What is told of bytes that are no IP packet."""


class HopWords(NamedTuple):
    """One hop as a row: ``packet`` is what leaves, at the last hop what arrived."""

    number: int
    device: str
    in_interface: str
    out_interface: str
    ttl: str
    packet: str
    length: str
    remark: str


def question_words(chain: Chain) -> str:
    """Who asks whom, and for what."""
    question = chain.question
    sent = chain.forward.hops[0].left
    if sent and chain.forward.hops[0].header_out is None:
        return f"{question.origin} sends {sent[0].length} bytes {NO_HEADER}"
    if question.protocol == "icmp":
        asked = "echo (ping)"
    elif question.dport is None:
        asked = f"protocol {question.protocol}"
    else:
        asked = f"{question.protocol} port {question.dport}"
    return f"{question.origin} to {question.target}, {question.family.title}, {asked}"


def context_words(chain: Chain) -> str:
    """The kind of path, and what the answer was computed from."""
    path = f"{chain.path_type} path, " if chain.path_type else ""
    return f"{path}scenario {chain.scenario}, profile {chain.profile}, seed {chain.seed}"


def verdict_words(chain: Chain) -> tuple[str, str | None, str | None]:
    """How it ended; and where it did not succeed, why, and the smallest change that would mend it."""
    failed = chain.failed
    if failed is None:
        return _success(chain), None, None
    where = failed.ended_at.device
    if not chain.disposition.is_success:
        undecided = chain.disposition is Disposition.UNDETERMINED
        told = "undetermined: the model cannot tell" if undecided else f"not delivered: {chain.disposition} at {where}"
    elif chain.round_trip is Disposition.UNDETERMINED:
        told = "delivered; whether the answer came back is undetermined"
    else:
        told = f"delivered, but the answer was lost: {failed.disposition} at {where}"
    return told, failed.reason, failed.mend


def ignored_words(chain: Chain) -> tuple[str, ...]:
    """What would have refused the packets, where policies were ignored: a line each."""
    return tuple(_ignored(blocker) for blocker in chain.blockers if blocker.ignored)


def _ignored(blocker: Blocker) -> str:
    rule = "" if blocker.rule is None else f" ({blocker.rule})"
    return f"{blocker.stage} at {blocker.device}, {blocker.direction}{rule}: {blocker.reason}"


def _success(chain: Chain) -> str:
    if chain.disposition is Disposition.LEFT_MODEL:
        return f"left the model at {chain.forward.hops[-1].device}: {chain.forward.reason}"
    if chain.round_trip is Disposition.DELIVERED:
        return "delivered, and the answer came back"
    return "delivered; no answer is due"


def direction_words(chain: Chain, trace: Trace) -> str:
    """Which connection and which way; an error says what provoked it."""
    connections = max(other.connection for other in chain.traces)
    told = f"connection {trace.connection}, {trace.direction}" if connections > 1 else str(trace.direction)
    if trace.cause is not None:
        about = chain.traces[trace.cause.trace]
        told += f" about the {about.direction} packet at hop {trace.cause.hop}"
    return told


def trace_title(chain: Chain, trace: Trace) -> str:
    """Which connection and which way, and how it ended; why, unless the chain's verdict has told it."""
    title = f"{direction_words(chain, trace)}: {trace.disposition}"
    return title if trace is chain.failed else f"{title} ({trace.reason})"


def endpoint(address: str, port: int | None) -> str:
    """An address and its port as URLs write them (RFC 3986 section 3.2.2).

    >>> endpoint("2001:db8::1", 80), endpoint("192.0.2.1", 80), endpoint("2001:db8::1", None)
    ('[2001:db8::1]:80', '192.0.2.1:80', '2001:db8::1')
    """
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def ends_words(ends: Ends | Header) -> str:
    """From where to where."""
    return f"{endpoint(ends.src, ends.sport)} -> {endpoint(ends.dst, ends.dport)}"


def hop_words(trace: Trace) -> Iterator[HopWords]:
    """A row for every hop of a trace."""
    for hop in trace.hops:
        header = hop.header_out or hop.header_in
        moved = hop.left or hop.arrived
        unread = NO_HEADER if moved else "-"
        yield HopWords(
            hop.index,
            hop.device,
            hop.in_interface or "-",
            hop.out_interface or "-",
            "-" if header is None else str(header.ttl),
            unread if header is None else packet_words(header),
            str(moved[0].length) if moved else "-",
            ", ".join((*_remarks(hop), *_ending(trace, hop))),
        )


def size_words(hop: Hop) -> str:
    """How long the packet is, put together where it moves in pieces."""
    moved = hop.left or hop.arrived
    whole = reassemble(moved) if len(moved) > 1 else None
    return f"{moved[0].length} bytes" if whole is None else f"{whole.length} bytes in {len(moved)} fragments"


def packet_words(header: Header) -> str:
    """From where to where, and of an ICMP message what it is."""
    told = ends_words(header)
    if header.icmp is None:
        return told
    echo = "" if header.icmp.id is None else f" id {header.icmp.id}"
    return f"{told} ({header.protocol} type {header.icmp.type} code {header.icmp.code}{echo})"


def _ending(trace: Trace, hop: Hop) -> Iterator[str]:
    """Where the trace ended: how; and where what was left of its fragments did."""
    if hop is trace.ended_at:
        yield str(trace.disposition)
    elif hop is trace.hops[-1]:
        yield "what was left of the fragments ends here"


def _remarks(hop: Hop) -> Iterator[str]:
    """The rules that decided, translations by their kind, and pieces."""
    yield from (f"{decision.stage} would refuse" for decision in ignored(hop))
    for step in hop.steps:
        if step.stage == "redirect":
            yield "tells the sender of a better next hop"
        fields = [change.field for change in step.changes if change.field != "ttl"]
        if fields:
            yield f"{step.stage} rewrites {' and '.join(fields)}"
        elif step.effect is not Effect.SKIP and step.rule is not None:
            yield f"rule {step.rule}"
    if len(hop.left) > 1:
        yield f"{len(hop.left)} fragments" if len(hop.arrived) > 1 else f"divided into {len(hop.left)} fragments"


def translation_words(row: LedgerRow) -> str:
    """Which translation, where, and what it did to the two ends."""
    where = f"{row.kind} at {row.device}, {row.direction}"
    if row.before is None or row.after is None:
        return f"{where}: {row.reason}"
    return f"{where}: {ends_words(row.before)} became {ends_words(row.after)}"


def ledger_summary(rows: Iterable[LedgerRow]) -> str:
    """One line on everything that did not translate: so *no NAT* is told, and not only not seen."""
    counts = Counter(row.outcome for row in rows)
    told = f"{counts[Outcome.APPLIED]} applied" if counts[Outcome.APPLIED] else "no translation applied"
    told += "".join(f", {counts[idle]} {idle}" for idle in (Outcome.SKIPPED, Outcome.IMPOSSIBLE) if counts[idle])
    if counts[Outcome.NOTED]:
        told += "; a proxy stands on the way, and a connection of its own is not NAT"
    return told


def seen_words(chain: Chain) -> str | None:
    """Whom the end that was reached sees, where a load balancer stands on the way; None elsewhere."""
    forward = chain.forward
    hops = [hop for trace in chain.traces if trace.direction is Direction.FORWARD for hop in trace.hops[1:]]
    asked, seen = chain.traces[0].hops[0].header_out, forward.hops[-1].header_in
    front = next((hop.device for hop in hops if hop.kind == "lb"), None)
    if front is None or asked is None or seen is None or forward.disposition is not Disposition.DELIVERED:
        return None
    client, found = endpoint(asked.src, asked.sport), endpoint(seen.src, seen.sport)
    if client == found:
        return f"{forward.hops[-1].device} sees the client itself, {client}"
    family = chain.traces[0].family
    change = "" if family is forward.family else f"; {family.title} as far as {front}, {forward.family.title} behind"
    return f"{forward.hops[-1].device} sees {found}, the client is {client}{change}"


_WAYS = {Disposition.DELIVERED: "one way", Disposition.LEFT_MODEL: "until it left the model"}


def latency_words(chain: Chain) -> tuple[str, ...]:
    """The estimated times, a line each; none where no packet was made or no profile is at hand."""
    if chain.latency is None or not chain.latency.one_way.p50.value:
        return ()
    way = _WAYS.get(chain.disposition, "until it stopped")
    lines = [_percentile_words(way, chain.latency.one_way)]
    if chain.latency.round_trip is not None:
        lines.append(_percentile_words("round trip", chain.latency.round_trip))
    lines.append(f"{100 * chain.latency.assumed_share:.0f} % of the mean rests on analogues and judgement")
    return tuple(lines)


def _percentile_words(name: str, percentiles: Any) -> str:
    return f"{name}: p50 {interval_words(percentiles.p50)}; p99 {interval_words(percentiles.p99)}"


def interval_words(interval: tuple[float, float, float]) -> str:
    """A time in microseconds and its 90 % interval, in the units people use.

    >>> interval_words((5874.6, 3151.3, 10917.5)), interval_words((237.1, 64.2, 1415.2))
    ('5.9 ms (90 %: 3.2 to 10.9 ms)', '237 µs (90 %: 64.2 µs to 1.4 ms)')
    """
    value, low, high = (_humanised(us) for us in interval)
    first = low[0] if low[1] == high[1] else " ".join(low)
    return f"{' '.join(value)} (90 %: {first} to {' '.join(high)})"


def _humanised(us: float) -> tuple[str, str]:
    """A number and its unit."""
    number, unit = next(((us / size, name) for size, name in ((1e6, "s"), (1e3, "ms")) if us >= size), (us, "µs"))
    return (f"{number:.1f}" if number < 100 else f"{number:.0f}"), unit
