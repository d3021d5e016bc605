"""Where the lines of a drawing run: wires between devices, and the way of a packet, as points.

Lines keep to the room that the layout leaves for them: level between devices and their router, along a
node's lane, in the gaps between pods, and on the right of the links of generic devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from dsflow.report.boxes import GAP, LANE, TITLE, Box, Layout, Point, Port, Role
from dsflow.trace.hop import Hop
from dsflow.trace.trace import Trace

__all__ = ["link_lines", "wires"]


def wires(layout: Layout) -> Iterator[tuple[Point, Point]]:
    """What is wired to a router, as level lines, gateways to the Internet's region, LPGs to LPGs; links are cables."""
    routers = [box for box in layout.boxes if box.role is Role.ROUTER]
    outside = next((box for box in layout.boxes if box.role is Role.INTERNET), None)
    for box in layout.boxes:
        if box.role in (Role.NODE, Role.BALANCER, Role.GATEWAY):
            router = next(router for router in routers if router.y <= _level(box) <= router.bottom)
            left = box.x < router.x
            yield (box.right if left else box.x, _level(box)), (router.x if left else router.right, _level(box))
        if box.role is Role.GATEWAY and outside is not None and not box.title.startswith(_NOT_TO_THE_INTERNET):
            y = min(_level(box), outside.bottom - GAP)
            yield (outside.right, y), (box.x, _level(box))
    for one, other in layout.peerings:
        yield from pairwise(_beside_both(layout.devices[one], layout.devices[other]))
    for port, vcn in layout.fabrics.items():
        (x, y), router = layout.ports[port], layout.devices[vcn]
        yield (x, y), (router.x if x < router.x else router.right, min(max(y, router.y), router.bottom))


_NOT_TO_THE_INTERNET = ("sgw/", "drg/", "lpg/")


def _beside_both(here: Box, there: Box) -> list[Point]:
    """From gateway to gateway, to the left of both."""
    left = min(here.x, there.x) - GAP
    return [(here.x, _level(here)), (left, _level(here)), (left, _level(there)), (there.x, _level(there))]


def _level(box: Box) -> float:
    """The height at which lines reach a box: a node's lane, else its middle."""
    return box.y + TITLE + LANE / 2 if box.role is Role.NODE else box.middle[1]


def link_lines(trace: Trace, layout: Layout) -> Iterator[list[Point]]:
    """The line of every link of a trace, as points; each begins where the one before it ended."""
    at: Point | None = None
    for here, there in pairwise(trace.hops):
        points = _along_cable(here, there, layout)
        if not points:
            leaves, reached = _stand(layout, here, here.out_interface), _stand(layout, there, there.in_interface)
            start = _leaving(leaves, reached, at)
            points = start + _arriving(reached, leaves, start[-1])
        at = points[-1]
        yield points


_APART = 0.07
"""Between the way in and the way out at one edge of a box."""
_BESIDE = 0.05
"""Between a link and a packet's way along it."""


def _along_cable(here: Hop, there: Hop, layout: Layout) -> list[Point]:
    """The way along the link that joins two interfaces, on its right as one goes; empty where no link does."""
    leaves: Port = here.device, here.out_interface or ""
    reached: Port = there.device, there.in_interface or ""
    for cable in layout.cables:
        if leaves in cable.ends and reached in cable.ends:
            return _aside([*cable.ends[leaves], *reversed(cable.ends[reached])], _BESIDE)
    return []


def _aside(points: list[Point], distance: float) -> list[Point]:
    """A line of level and upright pieces, shifted to the right of who follows it (y is downwards)."""
    corners = [points[0]]
    for point in points[1:]:
        if point == corners[-1]:
            continue
        if len(corners) > 1 and _heading(*corners[-2:]) == _heading(corners[-1], point):
            corners.pop()
        corners.append(point)
    headings = [_heading(*piece) for piece in pairwise(corners)]
    shifted = []
    for (x, y), before, after in zip(corners, [(0.0, 0.0), *headings], [*headings, (0.0, 0.0)], strict=True):
        shifted.append((x - distance * (before[1] + after[1]), y + distance * (before[0] + after[0])))
    return shifted


def _heading(start: Point, end: Point) -> Point:
    length = math.dist(start, end)
    return (end[0] - start[0]) / length, (end[1] - start[1]) / length


def _stand(layout: Layout, hop: Hop, interface: str | None) -> Box:
    """The box that a line leaves or reaches: of a generic device in a subnet, the place of the interface."""
    port: Port = hop.device, interface or ""
    box = layout.devices[hop.device]
    if port not in layout.fabrics:
        return box
    x, y = layout.ports[port]
    return box._replace(x=x, y=y, width=0.0, height=0.0)


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
