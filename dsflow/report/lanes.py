"""The links between two columns of a drawing: each has a lane of its own; few lines cross and none coincide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from dsflow.report.boxes import Cable, Layout, Note, Point, Port, text_width

__all__ = ["gap_width", "lay_links"]

LEAST_STUB = 0.36
LEAST_SPACING = 0.34
LABEL_POINTS = 7.4
LABEL_RISE = 0.13
BAR_END = 0.12
"""How far a LAN segment's bar reaches beyond its first and last line."""
NEAR = 0.07
MOST_PERMUTED = 6
SHIFTS = (0.0, 0.06, -0.06, 0.12)
"""By how much lines of one side may be shifted so that they do not run into those of the other."""


def gap_width(links: Sequence[str]) -> float:
    """The room that links need between two columns."""
    return 2 * _margin(links) + (len(links) - 1) * _spacing(links) if links else 0.0


def _spacing(links: Sequence[str]) -> float:
    return max([LEAST_SPACING, *(text_width(link, LABEL_POINTS) + 0.1 for link in links)])


def _margin(links: Sequence[str]) -> float:
    return max([LEAST_STUB, *(text_width(link, LABEL_POINTS) / 2 + 0.08 for link in links)])


def lay_links(links: Sequence[str], members: Mapping[str, list[Port]], layout: Layout, left: float) -> None:
    """Put the links of one gap into a layout, which has the interfaces already, with their names."""
    middle = left + gap_width(links) / 2
    order = _without_overlaps(links, members, layout, middle)
    lanes = {link: left + _margin(links) + number * _spacing(links) for number, link in enumerate(order)}
    cables = [Cable(link, lanes[link], _lines(members[link], lanes[link], layout)) for link in links]
    layout.cables += cables
    layout.notes += [_label(cable, cables) for cable in cables]


def _lines(ports: Iterable[Port], lane: float, layout: Layout) -> dict[Port, list[Point]]:
    lines = {}
    for port in ports:
        line = [layout.ports[port], *layout.detours.get(port, ())]
        lines[port] = [*line, (lane, line[-1][1])]
    return lines


class _Crossing(NamedTuple):
    """The heights at which one link has lines to the left and to the right."""

    left: list[float]
    right: list[float]

    @property
    def span(self) -> tuple[float, float]:
        return min(self.left + self.right), max(self.left + self.right)


def _without_overlaps(
    links: Sequence[str], members: Mapping[str, list[Port]], layout: Layout, middle: float
) -> tuple[str, ...]:
    """The order of lanes with the fewest crossings; where lines would coincide, those of one side are shifted."""
    moving = [port for link in links for port in members[link] if layout.ports[port][0] < middle]
    before = {port: layout.ports[port] for port in moving if port not in layout.detours}
    for shift in (*SHIFTS, 0.0):  # none helps where the links themselves are in each other's way
        _shift(layout, before, shift)
        price, order = _best_order(links, _heights(links, members, layout, middle))
        if price < _TOUCHING:
            break
    return order


def _shift(layout: Layout, before: Mapping[Port, Point], shift: float) -> None:
    for port, (x, y) in before.items():
        layout.ports[port] = x, y + shift


def _heights(
    links: Sequence[str], members: Mapping[str, list[Port]], layout: Layout, middle: float
) -> dict[str, _Crossing]:
    found = {link: _Crossing([], []) for link in links}
    for link in links:
        for port in members[link]:
            x, y = [layout.ports[port], *layout.detours.get(port, ())][-1]
            (found[link].left if x < middle else found[link].right).append(y)
    return found


_TOUCHING = 20


def _best_order(links: Sequence[str], heights: Mapping[str, _Crossing]) -> tuple[int, tuple[str, ...]]:
    if len(links) > MOST_PERMUTED:
        order = tuple(sorted(links, key=lambda link: heights[link].span))
        return _price(order, heights), order
    return min((_price(order, heights), number, order) for number, order in enumerate(permutations(links)))[::2]


def _price(order: Sequence[str], heights: Mapping[str, _Crossing]) -> int:
    """Crossings count one; lines that coincide, or that seem to be joined, count much more."""
    total = 0
    for number, one in enumerate(order):
        for other in order[number + 1 :]:  # which stands right of it
            total += sum(_meeting(y, heights[other].span) for y in heights[one].right)
            total += sum(_meeting(y, heights[one].span) for y in heights[other].left)
            pairs = ((y, z) for y in heights[one].right for z in heights[other].left)
            total += _TOUCHING * sum(abs(y - z) < NEAR for y, z in pairs)
    return total


def _meeting(y: float, span: tuple[float, float]) -> int:
    """What it costs that a line at ``y`` passes an upright line."""
    if any(abs(y - end) < NEAR for end in span):
        return _TOUCHING
    return int(span[0] < y < span[1])


def _label(cable: Cable, cables: Sequence[Cable]) -> Note:
    """The link's name over its upper end, or where else no line runs through it."""
    half = text_width(cable.name, LABEL_POINTS) / 2
    upper, lower = cable.span
    rise = LABEL_RISE + (BAR_END if cable.is_segment else 0.05 * (upper == lower))
    places = [y for more in range(4) for y in (upper - rise - more * 0.15, lower + rise + more * 0.15)]
    free = (y for y in places if not any(_runs_through(cable.x, y, half, other) for other in cables))
    return Note(cable.x, next(free, places[0]), cable.name, LABEL_POINTS, "center", strong=cable.is_segment)


def _runs_through(x: float, y: float, half: float, cable: Cable) -> bool:
    for line in cable.ends.values():
        (start, _), (end, level) = line[-2:]
        if abs(level - y) < LABEL_RISE - 0.02 and min(start, end) < x + half and max(start, end) > x - half:
            return True
    return False
