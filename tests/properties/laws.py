"""The laws that hold for every chain, each a function that asserts one of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from dsflow.dataplane.disposition import Disposition
from dsflow.net.packet import Header
from dsflow.net.packets import rebuild
from dsflow.net.wire import bad_checksums
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.ledger import Ends, LedgerRow, Outcome
from dsflow.trace.step import Effect, Step
from dsflow.trace.trace import Direction, Trace

REFUSALS = (Effect.DROP, Effect.REJECT)


def ends(header: Header) -> Ends:
    """The addresses and ports of a header, as the ledger writes them."""
    return Ends(header.src, header.dst, header.sport, header.dport)


def identity(header: Header) -> tuple[object, ...]:
    """What a translation could change: addresses, ports and an echo's identifier."""
    return *ends(header), header.icmp and header.icmp.id


def changes_of(hop: Hop) -> list[tuple[str, Any, Any]]:
    return [(change.field, change.before, change.after) for step in hop.steps for change in step.changes]


def refusals(trace: Trace) -> list[Step]:
    return [step for step in trace.ended_at.steps if step.effect in REFUSALS]


def lost_a_piece(trace: Trace) -> bool:
    """Whether a fragment was refused and others went on: behind that hop the header is another one."""
    return trace.ended_at is not trace.hops[-1]


# --- shape ---------------------------------------------------------------------------------------------------


def hops_are_well_formed(chain: Chain) -> None:
    """Origin and last hop lack what they cannot have, and indices count from 0."""
    for trace in chain.traces:
        assert [hop.index for hop in trace.hops] == list(range(len(trace.hops)))
        first, last = trace.hops[0], trace.hops[-1]
        assert (first.in_interface, first.packets_in, first.header_in) == (None, (), None)
        left = trace.disposition is Disposition.LEFT_MODEL
        assert (last.out_interface is not None) == bool(last.packets_out) == (last.header_out is not None) == left
        for hop in trace.hops[1:]:
            assert hop.in_interface is not None
            assert hop.in_interface in hop.at.interfaces
            assert hop.packets_in
            assert hop.header_in is not None
        for hop in trace.hops[:-1]:
            assert hop.out_interface in hop.at.interfaces
            assert hop.packets_out
            assert hop.header_out is not None
        for hop in trace.hops:
            assert hop.kind == hop.device.partition("/")[0]


def traces_are_in_order(chain: Chain) -> None:
    """Connections count from 1, each begins forward, and an error follows the trace that provoked it."""
    assert chain.traces[0].connection == 1
    for earlier, later in pairwise(chain.traces):
        opens = later.connection == earlier.connection + 1
        assert opens or later.connection == earlier.connection
        assert opens == (later.direction is Direction.FORWARD)
    for number, trace in enumerate(chain.traces):
        assert (trace.cause is not None) == (trace.direction is Direction.ERROR)
        if trace.cause is not None:
            told = (at for at in range(number) if chain.traces[at].direction is not Direction.ERROR)
            assert trace.cause.trace == max(told)  # several, where fragments were refused one by one
            cause = chain.traces[trace.cause.trace]
            assert cause.disposition.is_failure
            assert any(step.effect in REFUSALS for step in cause.hops[trace.cause.hop].steps)
            assert trace.hops[0].device == cause.hops[trace.cause.hop].device


def refusals_say_why(chain: Chain) -> None:
    """A trace that ends in failure has one refusing step where it ended; it names a rule or says it is implicit."""
    for trace in chain.traces:
        told = refusals(trace)
        assert len(told) == trace.disposition.is_failure, (trace, told)
        for step in told:
            assert step.rule is not None or not step.explicit
        assert trace.reason
        assert "{" not in trace.reason + (trace.mend or "")


# --- headers -------------------------------------------------------------------------------------------------


def headers_chain(chain: Chain) -> None:
    """What one hop sends is what the next one gets, byte by byte."""
    for trace in chain.traces:
        for one, other in pairwise(trace.hops):
            assert one.packets_out == other.packets_in
            assert one.header_out == other.header_in


def changes_add_up(chain: Chain) -> None:
    """The steps' changes, one after another, lead from the first header to the last.

    But where a fragment was refused and others went on: their header is another one.
    """
    for trace in chain.traces:
        if lost_a_piece(trace):
            continue
        for hop in trace.hops[1:]:
            if hop.header_in is not None and hop.header_out is not None:
                assert _changed(hop.header_in, changes_of(hop)) == _compared(hop.header_out), hop
        first, last = trace.hops[0].header_out, trace.hops[-1].header_in
        if first is not None and last is not None:
            every = [change for hop in trace.hops[1:-1] for change in changes_of(hop)]
            assert _changed(first, every) == _compared(last)


def _compared(header: Header) -> dict[str, Any]:
    fields = {name: getattr(header, name) for name in ("src", "dst", "sport", "dport", "ttl")}
    return fields | {"icmp.id": header.icmp.id if header.icmp else None}


def _changed(header: Header, changes: list[tuple[str, Any, Any]]) -> dict[str, Any]:
    fields = _compared(header)
    for field, before, after in changes:
        assert fields[field] == before != after
        fields[field] = after
    return fields


def bytes_are_sound(chain: Chain, known: set[bytes]) -> None:
    """scapy builds the same bytes from the header fields, and every checksum is right; ``known`` are done."""
    for trace in chain.traces:
        for hop in trace.hops:
            for raw in {*hop.packets_in, *hop.packets_out} - known:
                assert rebuild(raw) == raw, (trace, hop)
                assert bad_checksums(raw) == (), (trace, hop)
                known.add(raw)


def replies_reverse_the_flow(chain: Chain) -> None:
    """The reply of a delivered connection, turned round, is the connection, at both of its ends."""
    for forward, reply in pairwise(chain.traces):
        answers = forward.direction is Direction.FORWARD and reply.direction is Direction.REPLY
        if not answers or len(forward.hops) == 1 or reply.disposition is not Disposition.DELIVERED:
            continue
        if forward.disposition.is_success:
            sent, arrived = forward.hops[0].header_out, forward.hops[-1].header_in
            answered, received = reply.hops[0].header_out, reply.hops[-1].header_in
            assert sent is not None
            assert arrived is not None
            assert answered is not None
            assert received is not None
            assert _turned(received) == identity(sent)
            assert _turned(answered) == identity(arrived)
            assert reply.hops[-1].device == forward.hops[0].device


def _turned(header: Header) -> tuple[object, ...]:
    return header.dst, header.src, header.dport, header.sport, header.icmp and header.icmp.id


# --- the ledger ----------------------------------------------------------------------------------------------


def ledger_is_the_difference(chain: Chain) -> None:
    """A hop that changed addresses or ports has an applied row with these ends; no other hop has one."""
    for trace in chain.traces:
        if lost_a_piece(trace):
            continue
        for hop in trace.hops[1:]:
            rows = _rows_of(chain, trace, hop)
            if hop.header_in is None or hop.header_out is None:
                continue
            if ends(hop.header_in) == ends(hop.header_out) and not _icmp_changed(hop):
                assert rows == []
            else:
                assert rows
                assert rows[0].before == ends(hop.header_in)
                assert rows[-1].after == ends(hop.header_out)
                assert all(one.after == other.before for one, other in pairwise(rows))


def _icmp_changed(hop: Hop) -> bool:
    return any(field == "icmp.id" for field, _, _ in changes_of(hop))


def _rows_of(chain: Chain, trace: Trace, hop: Hop) -> list[LedgerRow]:
    place = trace.connection, trace.direction, hop.index, hop.device
    return [row for row in chain.nat_applied if (row.connection, row.direction, row.hop, row.device) == place]


def ledger_covers_every_visit(chain: Chain) -> None:
    """Each visited device has a row for each kind of rewriting that it can do, in hop order."""
    expected = [
        (trace.connection, trace.direction, hop.index, entry.kind)
        for trace in chain.traces
        for hop in trace.hops
        for entry in hop.at.capabilities
    ]
    found = [(row.connection, row.direction, row.hop, row.kind) for row in chain.nat_ledger if row.hop is not None]
    assert sorted(found, key=str) == sorted(expected, key=str)
    proxies = [row for row in chain.nat_ledger if not row.kind.is_nat]
    assert all(row.outcome is Outcome.NOTED for row in proxies)


# --- IPv6 ----------------------------------------------------------------------------------------------------


def ipv6_is_not_translated(chain: Chain) -> None:
    """No row of the ledger is applied, and both ends of every connection see the same addresses and ports."""
    assert chain.nat_applied == (), chain.nat_applied
    for trace in chain.traces:
        if lost_a_piece(trace):
            continue
        for one in trace.hops:
            assert one.header_in is None or one.header_out is None or ends(one.header_in) == ends(one.header_out)
        sent, arrived = trace.hops[0].header_out, trace.hops[-1].header_in
        assert (sent is None) == (arrived is None)
        if sent is not None and arrived is not None:
            assert identity(sent) == identity(arrived), trace


LAWS = (
    hops_are_well_formed,
    traces_are_in_order,
    refusals_say_why,
    headers_chain,
    changes_add_up,
    replies_reverse_the_flow,
    ledger_is_the_difference,
    ledger_covers_every_visit,
)
"""Every law that needs the chain alone."""
