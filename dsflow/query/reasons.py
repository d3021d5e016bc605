"""Why two answers to one question differ, in the words of the rules that decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile

from dsflow.dataplane.nat import NatKind
from dsflow.latency.path import legs
from dsflow.latency.sample import Cost
from dsflow.query.matrix import explanation
from dsflow.trace.chain import Chain, PathType
from dsflow.trace.hop import Hop
from dsflow.trace.trace import Direction

__all__ = ["paid", "reasons", "way", "why"]


def way(chain: Chain, direction: Direction = Direction.FORWARD) -> str:
    """The devices of all connections in one direction."""
    traces = [trace for trace in chain.traces if trace.direction is direction]
    return "; ".join(" > ".join(hop.device for hop in trace.hops) for trace in traces) or "-"


def paid(chain: Chain) -> list[tuple[str, float, float | None]]:
    """What is paid on the way there, whoever it is paid to: an estimate depends on no name."""
    return [(cost.entry, cost.count, cost.km) for cost in _costs(chain)]


def _costs(chain: Chain) -> list[Cost]:
    paid = legs([trace.passage for trace in chain.traces])
    return [cost for leg in paid if leg.forward for hop in leg.hops for cost in hop]


def reasons(before: Chain, after: Chain) -> tuple[str, ...]:
    """Why two answers to one question differ: what decided on the side, or sides, that changed."""
    told = tuple(_decisions(before, after))
    return told or tuple(_sides(_WHERE.get(before.path_type), _WHERE.get(after.path_type)))


def _decisions(before: Chain, after: Chain) -> Iterator[str]:
    """Where the ways part and what refused; else what translates and what costs."""
    refusals = explanation(before), explanation(after)
    refused = refusals[0] != refusals[1]
    yield from _parting(before, after, cut_short=refused)
    if refused:
        yield from _sides(*refusals)
        return
    yield from _translations(before, after)
    if way(before) == way(after) and paid(before) != paid(after):
        yield from _cost_changes(before, after)


_WHERE: dict[PathType | None, str] = {
    PathType.SAME_NODE: "both pods are on one node",
    PathType.CROSS_NODE: "the pods are on two nodes",
}


def _sides(before: str | None, after: str | None) -> Iterator[str]:
    """A reason for each side that has one."""
    yield from (f"{side}: {why}" for side, why in (("before", before), ("after", after)) if why)


def _parting(before: Chain, after: Chain, *, cut_short: bool) -> Iterator[str]:
    """The last device before the same question takes another way, and its words before and after.

    Where one way was ``cut_short`` by a refusal, its end is no parting: the refusal tells of it.
    """
    for direction in (Direction.FORWARD, Direction.REPLY):
        one, other = _hops(before, direction), _hops(after, direction)
        common = sum(1 for _ in takewhile(_at_one_device, zip(one, other, strict=False)))
        if common == min(len(one), len(other)) and (cut_short or len(one) == len(other) or common == 0):
            continue
        if common == 0:
            what = "packets" if direction is Direction.FORWARD else "answers"
            yield from _sides(*(f"{what} start at {hops[0].device}" for hops in (one, other)))
        else:
            yield from _last_words(one[common - 1 : common + 1], other[common - 1 : common + 1])
        return


def _at_one_device(pair: tuple[Hop, Hop]) -> bool:
    return pair[0].device == pair[1].device


def _last_words(one: list[Hop], other: list[Hop]) -> Iterator[str]:
    """What a device decided before and after; where to, if that is all that can be told apart."""
    words = [_decision(hops[0]) for hops in (one, other)]
    if words[0] == words[1]:
        words = [f"on to {hops[-1].device}" for hops in (one, other)]
    yield from _sides(*(f"at {one[0].device}: {told}" for told in words))


def _hops(chain: Chain, direction: Direction) -> list[Hop]:
    return [hop for trace in chain.traces if trace.direction is direction for hop in trace.hops]


def _decision(hop: Hop) -> str:
    """The words of the step that sent the packet on: the routing decision, where there is one."""
    steps = [step for step in hop.steps if step.stage == "route"] or hop.steps
    return steps[-1].reason if steps else "nothing was decided"


def _translations(before: Chain, after: Chain) -> Iterator[str]:
    """What the ledger says of every translation that only one side has."""
    for chain, other, side in ((before, after, "before"), (after, before, "after")):
        known = {(row.kind, row.device) for row in other.nat_applied}
        yield from (f"{side}: {told}" for place, told in _applied(chain).items() if place not in known)


def _applied(chain: Chain) -> dict[tuple[NatKind, str], str]:
    """Why each translation was made, in the order met; that it is undone on the way back goes without saying."""
    told: dict[tuple[NatKind, str], str] = {}
    for row in chain.nat_applied:
        told.setdefault((row.kind, row.device), f"{row.kind} at {row.device}: {row.reason}")
    return told


def why(chain: Chain) -> tuple[str, ...]:
    """Why an answer is as it is: what translated, and what refused."""
    refused = explanation(chain)
    return (*_applied(chain).values(), *(() if refused is None else (refused,)))


def _cost_changes(before: Chain, after: Chain) -> Iterator[str]:
    """The traversals that only one side pays for."""
    one, other = Counter(map(_cost_text, _costs(before))), Counter(map(_cost_text, _costs(after)))
    for side, costs in (("before", one - other), ("after", other - one)):
        if costs:
            yield f"{side}, on the way: {', '.join(costs)}"


def _cost_text(cost: Cost) -> str:
    distance = "" if cost.km is None else f" over {cost.km:g} km"
    return f"{cost.entry} at {cost.instance}{distance}"
