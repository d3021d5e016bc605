"""Where the lines of a drawing run: wires between devices, and the way of a packet, as points.

Lines keep to the room that the layout leaves for them: level between devices and their router, along a
node's lane, and in the gaps between pods.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from dsflow.report.layout import GAP, LANE, TITLE, Box, Layout, Role
from dsflow.trace.trace import Trace

__all__ = ["Point", "link_lines", "wires"]

Point = tuple[float, float]


def wires(layout: Layout) -> Iterator[tuple[Point, Point]]:
    """What is wired to a router, as level lines, and gateways to the Internet's region."""
    routers = [box for box in layout.boxes if box.role is Role.ROUTER]
    outside = next((box for box in layout.boxes if box.role is Role.INTERNET), None)
    for box in layout.boxes:
        if box.role in (Role.NODE, Role.BALANCER, Role.GATEWAY):
            router = next(router for router in routers if router.y <= _level(box) <= router.bottom)
            left = box.x < router.x
            yield (box.right if left else box.x, _level(box)), (router.x if left else router.right, _level(box))
        if box.role is Role.GATEWAY and outside is not None and not box.title.startswith(("sgw/", "drg/")):
            y = min(_level(box), outside.bottom - GAP)
            yield (outside.right, y), (box.x, _level(box))


def _level(box: Box) -> float:
    """The height at which lines reach a box: a node's lane, else its middle."""
    return box.y + TITLE + LANE / 2 if box.role is Role.NODE else box.middle[1]


def link_lines(trace: Trace, layout: Layout) -> Iterator[list[Point]]:
    """The line of every link of a trace, as points; each begins where the one before it ended."""
    boxes = [layout.devices[hop.device] for hop in trace.hops]
    at: Point | None = None
    for here, there in pairwise(boxes):
        start = _leaving(here, there, at)
        points = start + _arriving(there, here, start[-1])
        at = points[-1]
        yield points


_APART = 0.07
"""Between the way in and the way out at one edge of a box."""


def _leaving(here: Box, there: Box, at: Point | None) -> list[Point]:
    """The points by which a line leaves a box."""
    match here.role:
        case Role.POD:
            return _stem(here, there, -_APART)
        case Role.ROUTER:
            y = at[1] if at is not None else here.middle[1]
            turn = _level(there) - (0 if there.role is Role.GATEWAY else _APART)
            x = here.middle[0] + math.copysign(_APART, turn - y)  # up on one side, down on the other
            return [(here.middle[0], y), (x, y), (x, turn)]
        case Role.NODE:
            return [(here.x, _level(here) + (-_APART if there.role is Role.POD else _APART))]
        case Role.GATEWAY | Role.HOST:
            return [(here.right if there.middle[0] > here.middle[0] else here.x, _level(here))]
        case _:
            return [(here.right if there.x > here.x else here.x, _level(here) + _APART)]


def _arriving(there: Box, here: Box, start: Point) -> list[Point]:
    """The points by which a line that begins at ``start`` reaches a box."""
    match there.role:
        case Role.POD:
            return _stem(there, here, _APART)[::-1]
        case Role.ROUTER:
            return [(there.middle[0], start[1])]
        case Role.NODE if here.role is Role.POD:
            return []
        case Role.NODE:
            return [(there.x, start[1])]
        case Role.GATEWAY if here.role is Role.GATEWAY:  # over the Internet, to the left of both
            outside = there.x - 2 * GAP
            return [(outside, start[1]), (outside, _level(there)), (there.x, _level(there))]
        case Role.GATEWAY | Role.HOST:
            return [(there.x if here.middle[0] < there.middle[0] else there.right, _level(there))]
        case _:
            return [(there.right if here.x > there.x else there.x, start[1])]


def _stem(pod: Box, node: Box, aside: float) -> list[Point]:
    """From a pod to the edge of its node by the node's lane; past other pods, in the gap beside it."""
    lane = _level(node) - aside
    if pod.y - lane < LANE + 2 * GAP:
        top = pod.middle[0] + aside, pod.y
        return [top, (top[0], lane), (node.x, lane)]
    gap = pod.x - GAP / 2 + aside / 2
    return [(pod.x, pod.middle[1]), (gap, pod.middle[1]), (gap, lane), (node.x, lane)]
