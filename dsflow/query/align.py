"""Two chains of one question hop by hop: which visit of one family stands beside which of the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.step import Effect, Step
from dsflow.trace.trace import Direction, Trace
from dsflow.trace.twin import DIFFERING, AlignedHop, Side

__all__ = ["aligned_hops", "aligned_traces", "longest_common_subsequence"]


def aligned_hops(ipv4: Chain, ipv6: Chain) -> tuple[AlignedHop, ...]:
    """The hops of both, trace by trace: the same connection and direction, then the same device in the same order."""
    return tuple(row for pair in aligned_traces(ipv4, ipv6) for row in _rows(*pair))


def aligned_traces(ipv4: Chain, ipv6: Chain) -> list[tuple[Trace | None, Trace | None]]:
    """The traces of both by connection and direction, None where one has none; errors in their order."""
    one, other = _by_place(ipv4), _by_place(ipv6)
    return [(one.get(place), other.get(place)) for place in sorted(one | other, key=_in_order)]


_Place = tuple[int, Direction, int]


def _by_place(chain: Chain) -> dict[_Place, Trace]:
    found: dict[_Place, Trace] = {}
    for trace in chain.traces:
        before = sum(1 for connection, way, _ in found if (connection, way) == (trace.connection, trace.direction))
        found[trace.connection, trace.direction, before] = trace
    return found


def _in_order(place: _Place) -> tuple[int, int, int]:
    connection, direction, number = place
    return connection, list(Direction).index(direction), number


def _rows(one: Trace | None, other: Trace | None) -> Iterator[AlignedHop]:
    trace = one or other
    assert trace is not None
    for mine, its in _paired(() if one is None else one.hops, () if other is None else other.hops):
        left = None if one is None or mine is None else _side(one, mine)
        right = None if other is None or its is None else _side(other, its)
        yield AlignedHop(trace.connection, trace.direction, left, right, _differs(left, right))


def _paired(one: Sequence[Hop], other: Sequence[Hop]) -> Iterator[tuple[Hop | None, Hop | None]]:
    """Hops at the same device beside each other; what lies between two such pairs, in the order met."""
    pairs = longest_common_subsequence([hop.device for hop in one], [hop.device for hop in other])
    here = there = 0
    for mine, its in [*pairs, (len(one), len(other))]:
        yield from zip_longest(one[here:mine], other[there:its])
        if mine < len(one):
            yield one[mine], other[its]
        here, there = mine + 1, its + 1


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """The places, in both, of the most words that they have in common in one order.

    >>> longest_common_subsequence(["pod", "node", "vcn", "natgw", "web"], ["pod", "node", "vcn", "igw", "web"])
    [(0, 0), (1, 1), (2, 2), (4, 4)]
    """
    longest = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]  # of what follows these places
    for here in reversed(range(len(one))):
        for there in reversed(range(len(other))):
            met = one[here] == other[there]
            longest[here][there] = (
                1 + longest[here + 1][there + 1] if met else max(longest[here + 1][there], longest[here][there + 1])
            )
    found: list[tuple[int, int]] = []
    here = there = 0
    while here < len(one) and there < len(other):
        if one[here] == other[there]:
            found.append((here, there))
            here, there = here + 1, there + 1
        elif longest[here + 1][there] >= longest[here][there + 1]:
            here += 1
        else:
            there += 1
    return found


def _side(trace: Trace, hop: Hop) -> Side:
    header = hop.header_out or hop.header_in
    steps = hop.steps
    return Side(
        hop.index,
        hop.device,
        _rule(steps),
        tuple(record[5] for record in hop.records if record[5] is not None),
        None if header is None else header.ttl,
        trace.disposition if hop is trace.ended_at else None,
    )


def _rule(steps: Sequence[Step]) -> str | None:
    """The written rule that decided where to, or that nothing goes on from here."""
    deciding = [step for step in steps if step.effect not in (Effect.SKIP, Effect.REWRITE) and step.rule is not None]
    return deciding[-1].rule if deciding else None


def _differs(one: Side | None, other: Side | None) -> tuple[str, ...]:
    if one is None or other is None or one.device != other.device:
        return ("device",)
    alike = (True, one.nat == other.nat, one.ttl == other.ttl, one.ended == other.ended)
    return tuple(name for name, same in zip(DIFFERING, alike, strict=True) if not same)
