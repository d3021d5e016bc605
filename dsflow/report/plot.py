"""Pictures of a topology, of a path through it, and of the time it takes: the one door to matplotlib.

matplotlib is imported when something is drawn.  Every function draws on the axes given, or on a figure of
its own that needs no display, and returns the axes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from dsflow.report.boxes import GAP, TITLE, Box, Cable, Layout, Note, Point, Role, text_width
from dsflow.report.layout import lay_out
from dsflow.report.paths import link_lines, wires
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.trace import Direction, Trace
from dsflow.trace.words import CAVEAT, interval_words, question_words, verdict_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dsflow.simulation import Simulation

__all__ = ["draw_latency", "draw_topology", "topology_svg"]


class _Look(NamedTuple):
    """How a role is drawn: fill, edge, line style, sizes of title and detail in points, bold title or not."""

    fill: str
    edge: str
    line: str = "-"
    title: float = 9.0
    detail: float = 7.4
    centred: bool = False


_LOOKS = {
    Role.INTERNET: _Look("#f2f2f2", "#9a9a9a", "--", 9.5),
    Role.VCN: _Look("#f3f7fc", "#5b83b4", title=11, detail=8.5),
    Role.SUBNET: _Look("#e3ecf7", "#9db7d6", title=9.5, detail=8),
    Role.NODE: _Look("#ffffff", "#6b7785", title=9.5, detail=8),
    Role.PODS: _Look("#e8f5ec", "#a9cfb5", title=7.2),
    Role.HOST_PODS: _Look("#f6f6f6", "#c9c9c9", "--", 7.2),
    Role.ROUTER: _Look("#5b83b4", "#46698f", title=10, centred=True),
    Role.GATEWAY: _Look("#fff3d6", "#c39325", centred=True),
    Role.BALANCER: _Look("#efe3f7", "#8d5fb0", centred=True),
    Role.HOST: _Look("#ffffff", "#777777", centred=True),
    Role.POD: _Look("#ffffff", "#4f9a68", title=8.4, detail=7, centred=True),
    Role.HOST_POD: _Look("#ffffff", "#b5b5b5", title=8.4, detail=7, centred=True),
    Role.MORE: _Look("#ffffff", "#c9c9c9", "--", 8, centred=True),
    Role.PREMISES: _Look("#f7f4ee", "#b3a78f", "--", 9.5),
    Role.LINUX_HOST: _Look("#ffffff", "#3f7f83", detail=7.2),
    Role.LINUX_ROUTER: _Look("#e3f1f1", "#3f7f83", detail=7.2),
}
_LINUX = (Role.LINUX_HOST, Role.LINUX_ROUTER)
_WORKS, _FAILS, _INK, _FAINT = "#1f5fd0", "#c62828", "#222222", "#5f6770"
_BACK = "#8a5a00"
_WIRE, _CABLE = "#b8c1cc", "#6b7785"
_FAMILIES = {4: "#d9822b", 6: "#1f5fd0"}


def draw_topology(simulation: Simulation, *, chain: Chain | None = None, ax: Axes | None = None) -> Axes:
    """Axes with the VCN, its subnets, nodes and pods as nested regions, gateways on the VCN's border.

    Generic devices are boxes with their interfaces at the edges; wires are lines, LAN segments bars.

    Parameters
    ----------
    chain
        A chain of the simulation: its way there is drawn in numbered arrows, link by link; a cross marks
        where it was refused.  Where there are generic devices, what came back (answers and errors) is
        drawn in broken lines.
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
    ax = _own_axes(width, height) if ax is None else ax
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.axis("off")
    scale = _scale(ax, width, height)
    for box in layout.boxes:
        _draw_box(ax, box, scale)
    for line in wires(layout):
        ax.plot(*zip(*line, strict=True), color=_WIRE, linewidth=0.8 * scale, zorder=1.5)
    for cable in layout.cables:
        _draw_cable(ax, cable, scale)
    for note in layout.notes:
        _draw_note(ax, note, scale)
    title, points = simulation.name, 12.0
    if chain is not None:
        _draw_path(ax, chain, layout, scale)
        title, points = f"{question_words(chain)}\n{verdict_words(chain)[0]}", 11.0
    ax.set_title(title, fontsize=_fitting(title, points, width) * scale)
    return ax


def topology_svg(simulation: Simulation, *, chain: Chain | None = None) -> str:
    """The drawing as an SVG element to stand in a page: text stays text, and equal drawings are equal bytes.

    >>> import dsflow
    >>> topology_svg(dsflow.load("two-pods"))[:14]
    '<svg role="img'
    """
    import matplotlib as mpl

    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "dsflow", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = draw_topology(simulation, chain=chain).get_figure(root=True)
        assert figure is not None, "axes belong to a figure"
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = file.getvalue()
    label = escape(f"the network of {simulation.name}: {_contents(simulation)}")
    return drawn[drawn.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _contents(simulation: Simulation) -> str:
    topology = simulation.topology
    kinds = ["VCN, subnets, nodes and pods"] if topology.vcns else []
    return " with ".join([*kinds, *(["devices and links"] if topology.devices else [])])


_TITLE_HEIGHT = 0.55


def _own_axes(width: float, height: float) -> Axes:
    """Axes of so many inches on a new figure; no window, and nothing for pyplot to remember."""
    from matplotlib.figure import Figure

    total = height + _TITLE_HEIGHT
    return Figure(figsize=(width, total)).add_axes((0, 0, 1, height / total))


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


def _draw_cable(ax: Axes, cable: Cable, scale: float) -> None:
    """A wire as a line, a LAN segment as a bar."""
    for line in cable.ends.values():
        ax.plot(*zip(*line, strict=True), color=_CABLE, linewidth=1.1 * scale, zorder=1.5)
    upper, lower = cable.span
    reach, width = (0.1, 5.0) if cable.is_segment else (0.0, 1.1)
    ends = [upper - reach, lower + reach]
    ax.plot([cable.x, cable.x], ends, color=_CABLE, linewidth=width * scale, solid_capstyle="round", zorder=1.6)


def _draw_note(ax: Axes, note: Note, scale: float) -> None:
    weight = "bold" if note.strong else "normal"
    style: dict[str, Any] = {
        "color": _INK if note.strong else _FAINT,
        "weight": weight,
        "ha": note.align,
        "va": "center",
    }
    ax.text(note.x, note.y, note.text, fontsize=note.points * scale, zorder=3, **style)


_Words = tuple[float, float, str, dict[str, Any]]


def _texts(box: Box, look: _Look) -> Iterator[_Words]:
    """The words of a box: centred in a device, along the upper edge of a region, at the foot of a group of pods."""
    x, y = box.middle
    room = box.width - (1 if look.centred else 2) * GAP
    title: dict[str, Any] = {"fontsize": _fitting(box.title, look.title, room), "color": _INK, "va": "center"}
    detail: dict[str, Any] = {"fontsize": _fitting(box.detail, look.detail, room), "color": _FAINT, "va": "center"}
    if box.role is Role.ROUTER:  # at the foot, where no path runs
        upright = {"ha": "center", "va": "bottom", "rotation": 90, "color": "white"}
        yield x, box.bottom - GAP, box.title, {"fontsize": look.title} | upright
    elif look.centred:
        shift = 0.085 + 0.07 * box.detail.count("\n") if box.detail else 0.0
        yield x, y - shift, box.title, title | {"ha": "center"}
        yield x, y + min(shift, 0.085), box.detail, detail | {"ha": "center"}
    elif box.role in _LINUX:
        yield x, box.y + 0.14, box.title, title | {"ha": "center", "weight": "bold"}
        yield x, box.y + 0.3, box.detail, detail | {"ha": "center"}
    elif box.role in (Role.PODS, Role.HOST_PODS):
        yield box.x + GAP, box.bottom - 0.1, box.title, title | {"color": _FAINT}
    else:
        yield box.x + GAP, box.y + TITLE / 2, box.title, title | {"weight": "bold"}
        if "\n" in box.detail:
            yield box.x + GAP, box.y + TITLE, box.detail, detail | {"va": "top"}
        else:
            beside = room - text_width(box.title, title["fontsize"]) - GAP
            style = {"ha": "right", "fontsize": _fitting(box.detail, look.detail, beside)}
            yield box.right - GAP, box.y + TITLE / 2, box.detail, detail | style


def _fitting(text: str, points: float, room: float) -> float:
    """The size in points at which a text keeps inside ``room`` inches; never above ``points``."""
    width = text_width(text, points)
    return points if width <= room else points * room / width


def _draw_path(ax: Axes, chain: Chain, layout: Layout, scale: float) -> None:
    """Numbered arrows along the way there, a connection after the other, and a cross where it ended badly."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    colour = _WORKS if chain.failed is None else _FAILS
    number = 0
    for trace in chain.traces:
        lines = list(link_lines(trace, layout))
        if trace.direction is not Direction.FORWARD and layout.ports:
            _draw_back(ax, lines, scale)
        if trace.direction is Direction.FORWARD:
            for points in lines:
                number += 1
                ax.add_patch(
                    FancyArrowPatch(
                        path=Path(points),
                        arrowstyle="-|>",
                        mutation_scale=8 * scale,
                        color=colour,
                        fill=False,
                        linewidth=1.9 * scale,
                        zorder=5,
                    )
                )
                _badge(ax, points, number, colour, scale)
        if trace is chain.failed:
            _cross(ax, layout.devices[trace.ended_at.device], _before(trace.ended_at, lines), trace, scale)


def _before(hop: Hop, lines: Sequence[Sequence[Point]]) -> Point | None:
    """The last point of the line that leads to a hop; None at the origin."""
    return lines[hop.index - 1][-1] if hop.index else None


def _draw_back(ax: Axes, lines: Sequence[Sequence[Point]], scale: float) -> None:
    """What came back, link by link in thin broken lines, each with its head."""
    for points in lines:
        *_, (x0, y0), (x1, y1) = points
        ax.plot(*zip(*points, strict=True), color=_BACK, linewidth=1.2 * scale, linestyle="--", zorder=5.5)
        style = {"arrowstyle": "-|>", "color": _BACK, "mutation_scale": 7 * scale, "shrinkA": 0, "shrinkB": 0}
        length = max(math.hypot(x1 - x0, y1 - y0), 1e-9)
        tail = x1 - 0.12 * (x1 - x0) / length, y1 - 0.12 * (y1 - y0) / length
        ax.annotate("", (x1, y1), tail, arrowprops=style, zorder=5.5)


def _badge(ax: Axes, points: Sequence[Point], number: int, colour: str, scale: float) -> None:
    """The number of an arrow, on the piece that goes farthest to the side: up and down, arrows may meet.

    It is nearer to the beginning, so that those of a way there and back do not cover each other.
    """
    (x0, y0), (x1, y1) = max(pairwise(points), key=lambda piece: abs(piece[0][0] - piece[1][0]))
    ax.text(
        x0 + 0.35 * (x1 - x0),
        y0 + 0.35 * (y1 - y0),
        str(number),
        ha="center",
        va="center",
        fontsize=6.5 * scale,
        color="white",
        weight="bold",
        bbox={"boxstyle": "circle,pad=0.18", "facecolor": colour, "edgecolor": "white", "linewidth": 0.6 * scale},
        zorder=6,
    )


def _cross(ax: Axes, box: Box, at: Point | None, trace: Trace, scale: float) -> None:
    """Where a packet was refused, and the word for it under the device."""
    x, y = box.middle if at is None else at
    ax.plot([x], [y], marker="X", markersize=9 * scale, color=_FAILS, markeredgecolor="white", zorder=7)
    label = box.x + box.width / 2 if box.role is not Role.NODE else box.x, min(box.bottom, y + 0.3) + 0.1
    if box.role in _LINUX:
        label = box.middle[0], box.bottom + 0.05
    style = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": _FAILS, "linewidth": 0.8 * scale}
    ax.text(
        *label,
        str(trace.disposition),
        ha="center",
        va="center",
        fontsize=8 * scale,
        color=_FAILS,
        bbox=style,
        zorder=7,
    )


def draw_latency(chains: Chain | Sequence[Chain], *, ax: Axes | None = None) -> Axes:
    """Axes with estimated medians on a logarithmic scale, and their 90 % intervals.

    One chain is shown hop by hop, with its total; of several chains the totals are shown beside each other.

    Examples
    --------
    >>> import dsflow
    >>> chain = dsflow.load("two-pods").trace("pod/default/client", "pod/default/server", family=6, tcp=80)
    >>> [label.get_text() for label in draw_latency(chain).get_yticklabels()][1:3]
    ['node/node-1', 'vcn/lab']
    """
    bars = _hop_bars(chains) if isinstance(chains, Chain) else _total_bars(chains)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7.5, 1.3 + 0.34 * len(bars)), layout="constrained").add_subplot()
    for y, bar in enumerate(bars):
        value, low, high = bar.p50_us
        if value > 0:
            ax.plot([low, high], [y, y], color=bar.colour, linewidth=6, alpha=0.3, solid_capstyle="butt")
            ax.plot([value], [y], marker="o", color=bar.colour, markersize=5)
            ax.annotate(
                interval_words(bar.p50_us), (high, y), (5, 0), textcoords="offset points", va="center", fontsize=7
            )
        else:
            ax.annotate(
                "no time",
                (0, y),
                (5, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
    ax.set_yticks(range(len(bars)), [bar.label for bar in bars], fontsize=8)
    ax.set_ylim(len(bars) - 0.5, -0.5)
    ax.set_xscale("log")
    ax.margins(x=0.35)
    ax.set_xlabel("median in microseconds, with 90 % interval", fontsize=8)
    ax.set_title(f"{question_words(chains) if isinstance(chains, Chain) else 'one way'}\n{CAVEAT}", fontsize=9)
    ax.tick_params(axis="x", labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


class _Bar(NamedTuple):
    """One line of a latency chart."""

    label: str
    colour: str
    p50_us: tuple[float, float, float]


def _hop_bars(chain: Chain) -> list[_Bar]:
    """The hops of the way there, then the whole of it."""
    forward = [trace for trace in chain.traces if trace.direction is Direction.FORWARD]
    bars = [_Bar(hop.device, _colour(chain), hop.latency_us.p50) for trace in forward for hop in trace.hops]
    return [*bars, _Bar("one way", _INK, chain.latency.one_way.p50)]


def _total_bars(chains: Sequence[Chain]) -> list[_Bar]:
    """The whole way of every chain, with what tells one from another."""
    several = len({chain.scenario for chain in chains}) > 1
    return [_Bar(_chain_label(chain, several), _colour(chain), chain.latency.one_way.p50) for chain in chains]


def _chain_label(chain: Chain, with_scenario: bool) -> str:
    label = f"{chain.path_type}, {chain.question.family.title}" if chain.path_type else question_words(chain)
    if with_scenario:
        label = f"{chain.scenario}: {label}"
    return label if chain.disposition.is_success else f"{label}\n({chain.disposition}: until it stopped)"


def _colour(chain: Chain) -> str:
    return _FAMILIES[chain.question.family]
