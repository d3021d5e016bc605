"""Pictures of a topology, of a path through it, and of the time it takes: the one door to matplotlib.

matplotlib is imported when something is drawn.  Every function draws on the axes given, or on a figure of
its own that needs no display, and returns the axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dsflow.report.layout import GAP, LANE, TITLE, Box, Layout, Role, lay_out
from dsflow.trace.chain import Chain
from dsflow.trace.trace import Direction, Trace
from dsflow.trace.words import CAVEAT, interval_words, question_words, verdict_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dsflow.simulation import Simulation

__all__ = ["draw_latency", "draw_topology"]


class _Look(NamedTuple):
    """How a role is drawn: fill, edge, line style, sizes of title and detail in points, bold title or not."""

    fill: str
    edge: str
    line: str = "-"
    title: float = 7.0
    detail: float = 5.6
    centred: bool = False


_LOOKS = {
    Role.INTERNET: _Look("#f2f2f2", "#9a9a9a", "--", 8.0),
    Role.VCN: _Look("#f3f7fc", "#5b83b4", title=9.0, detail=6.5),
    Role.SUBNET: _Look("#e3ecf7", "#9db7d6", title=7.5, detail=6.0),
    Role.NODE: _Look("#ffffff", "#6b7785", title=7.5),
    Role.PODS: _Look("#e8f5ec", "#a9cfb5", title=5.6),
    Role.HOST_PODS: _Look("#f6f6f6", "#c9c9c9", "--", 5.6),
    Role.ROUTER: _Look("#5b83b4", "#46698f", title=8.0, centred=True),
    Role.GATEWAY: _Look("#fff3d6", "#c39325", centred=True),
    Role.BALANCER: _Look("#efe3f7", "#8d5fb0", centred=True),
    Role.HOST: _Look("#ffffff", "#777777", centred=True),
    Role.POD: _Look("#ffffff", "#4f9a68", title=6.6, detail=5.4, centred=True),
    Role.HOST_POD: _Look("#ffffff", "#b5b5b5", title=6.6, detail=5.4, centred=True),
    Role.MORE: _Look("#ffffff", "#c9c9c9", "--", 6.6, centred=True),
}
_WORKS, _FAILS, _INK, _FAINT = "#1f5fd0", "#c62828", "#222222", "#5f6770"
_FAMILY = {4: "#d9822b", 6: "#1f5fd0"}

_Point = tuple[float, float]


def draw_topology(simulation: Simulation, *, chain: Chain | None = None, ax: Axes | None = None) -> Axes:
    """Axes with the VCN, its subnets, nodes and pods as nested regions, gateways on the VCN's border.

    Parameters
    ----------
    chain
        A chain of the simulation: its way there is drawn in numbered arrows, link by link; a cross marks
        where it was refused.
    ax
        Where to draw; text shrinks with the axes.

    Examples
    --------
    >>> import dsflow
    >>> draw_topology(dsflow.load("two-pods")).get_title()
    'two-pods'
    """
    visited = () if chain is None else {hop.device for trace in chain.traces for hop in trace.hops}
    layout = lay_out(simulation.topology, keep=visited)
    width, height = layout.size
    ax = _own_axes(width, height + 0.4) if ax is None else ax
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.axis("off")
    scale = _scale(ax, width, height)
    for box in layout.boxes:
        _draw_box(ax, box, scale)
    for line in _links(layout):
        ax.plot(*zip(*line, strict=True), color="#b8c1cc", linewidth=0.8 * scale, zorder=1.5)
    if chain is None:
        ax.set_title(simulation.name, fontsize=10 * scale)
    else:
        _draw_path(ax, chain, layout, scale)
        ax.set_title(f"{question_words(chain)}\n{verdict_words(chain)[0]}", fontsize=9 * scale)
    return ax


def _own_axes(width: float, height: float) -> Axes:
    """Axes that fill a new figure of so many inches; no window, and nothing for pyplot to remember."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def _scale(ax: Axes, width: float, height: float) -> float:
    """How large an inch of the layout comes out on the axes, so that text and lines keep in proportion."""
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes belong to a figure"
    area = ax.get_window_extent()
    return float(min(area.width / figure.dpi / width, area.height / figure.dpi / height, 1.3))


def _draw_box(ax: Axes, box: Box, scale: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    look = _LOOKS[box.role]
    shape = FancyBboxPatch(
        (box.x, box.y),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=0.05",
        facecolor=look.fill,
        edgecolor=look.edge,
        linestyle=look.line,
        linewidth=0.9 * scale,
        zorder=1 if not look.centred else 2,
    )
    ax.add_patch(shape)
    for x, y, text, style in _texts(box, look):
        ax.text(x, y, text, **{**style, "fontsize": style["fontsize"] * scale}, zorder=3)


_Words = tuple[float, float, str, dict[str, Any]]


def _texts(box: Box, look: _Look) -> Iterator[_Words]:
    """The words of a box: centred in a device, along the upper edge of a region, at the foot of a group of pods."""
    x, y = box.middle
    title: dict[str, Any] = {"fontsize": look.title, "color": _INK, "va": "center"}
    detail: dict[str, Any] = {"fontsize": look.detail, "color": _FAINT, "va": "center"}
    if box.role is Role.ROUTER:
        yield x, y, f"{box.title}  router", title | {"ha": "center", "rotation": 90, "color": "white"}
    elif look.centred:
        shift = 0.08 if box.detail else 0.0
        yield x, y - shift, box.title, title | {"ha": "center"}
        if box.detail:
            yield x, y + shift, box.detail, detail | {"ha": "center"}
    elif box.role in (Role.PODS, Role.HOST_PODS):
        yield box.x + GAP, box.bottom - 0.1, box.title, title | {"color": _FAINT}
    else:
        yield box.x + GAP, box.y + TITLE / 2, box.title, title | {"weight": "bold"}
        if "\n" in box.detail:
            yield box.x + GAP, box.y + TITLE, box.detail, detail | {"va": "top"}
        elif box.detail:
            yield box.right - GAP, box.y + TITLE / 2, box.detail, detail | {"ha": "right"}


def _links(layout: Layout) -> Iterator[tuple[_Point, _Point]]:
    """What is wired to a router, as level lines, and gateways to the Internet's region."""
    routers = [box for box in layout.boxes if box.role is Role.ROUTER]
    outside = next((box for box in layout.boxes if box.role is Role.INTERNET), None)
    for box in layout.boxes:
        if box.role in (Role.NODE, Role.BALANCER, Role.GATEWAY):
            router = next(router for router in routers if router.y <= _level(box) <= router.bottom)
            left = box.x < router.x
            yield (box.right if left else box.x, _level(box)), (router.x if left else router.right, _level(box))
        if box.role is Role.GATEWAY and outside is not None and not box.title.startswith("sgw/"):
            y = min(_level(box), outside.bottom - GAP)
            yield (outside.right, y), (box.x, _level(box))


def _level(box: Box) -> float:
    """The height at which lines reach a box: a node's lane, else its middle."""
    return box.y + TITLE + LANE / 2 if box.role is Role.NODE else box.middle[1]


def _draw_path(ax: Axes, chain: Chain, layout: Layout, scale: float) -> None:
    """Numbered arrows along the way there, a connection after the other, and a cross where it ended badly."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    colour = _WORKS if chain.failed is None else _FAILS
    number = 0
    for trace in chain.traces:
        if trace.direction is Direction.FORWARD:
            for points in _arrows(trace, layout):
                number += 1
                style = {"color": colour, "linewidth": 1.7 * scale, "zorder": 5, "joinstyle": "round"}
                ax.add_patch(
                    FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=9 * scale, fill=False, **style)
                )
                _badge(ax, points, number, colour, scale)
    if chain.failed is not None and chain.failed.hops[-1].device in layout.devices:
        _cross(ax, chain.failed, layout, scale)


def _arrows(trace: Trace, layout: Layout) -> Iterator[list[_Point]]:
    """The line of every link of a trace, as points."""
    devices = [hop.device for hop in trace.hops]
    for here, there in zip(devices, devices[1:], strict=False):
        yield _line(layout.devices[here], layout.devices[there])


def _line(here: Box, there: Box) -> list[_Point]:
    """From one device to the next; the way back between the same two runs beside it."""
    if there.role is Role.POD:
        return [(x + 0.1, y) for x, y in reversed(_pod_line(there, here, LANE * 0.75))]
    if here.role is Role.POD:
        return [(x - 0.1 if place < 2 else x, y) for place, (x, y) in enumerate(_pod_line(here, there, LANE * 0.25))]
    return []
