"""Where generic devices outside VCNs stand in a drawing, and where the links between them run.

::

    ┌h0──┐ lan ┌r0──────┐ north ┌n0──┐
    │  e0├──┃──┤e0    e1├───────┤e0  │     a wire is a line, a LAN segment a bar on which boxes hang
    └────┘  ┃  └────────┘       └────┘
    ┌h1──┐  ┃
    │  e0├──┃
    └────┘

Links run upright between two columns, each at an x of its own, so no link runs through a box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.topology import Topology
from dsflow.report.boxes import Layout, Port
from dsflow.report.cards import Card
from dsflow.report.columns import Group, groups, on_links
from dsflow.report.lanes import gap_width, lay_links

__all__ = ["Outside"]

BETWEEN_BOXES = 0.34
"""From one box of a column to the next: room for the word that tells of a refusal."""
BETWEEN_GROUPS = 0.5


class Outside:
    """The generic devices that stand in no subnet: measured first, then put into a layout."""

    def __init__(self, topology: Topology) -> None:
        self.on_links = on_links(topology)
        self.groups = groups(topology)

    def __bool__(self) -> bool:
        return bool(self.groups)

    @property
    def has_devices(self) -> bool:
        """Whether there is a box to draw, and not links alone."""
        return any(column for group in self.groups for column in group.columns)

    @property
    def width(self) -> float:
        """Of the columns and the links between them, without the gap before a VCN."""
        return max((sum(map(sum, zip(*self._widths(group), strict=True))) for group in self.groups), default=0.0)

    @property
    def gap_width(self) -> float:
        """Of the room for the links that lead to a VCN."""
        return max((gap_width(group.gaps[-1]) for group in self.groups if group.anchored), default=0.0)

    def _widths(self, group: Group) -> tuple[list[float], list[float]]:
        """Of the gaps left of each column, and of the columns; a free group's last gap is a column's beside none."""
        gaps = [gap_width(links) for links in group.gaps]
        columns = [max(card.width for card in cards) for cards in _cards(group)]
        if group.anchored:
            gaps.pop()
        else:
            columns.append(0.0)
        return gaps, columns

    def put(self, layout: Layout, left: float, top: float) -> float:
        """Put every group into the layout, the columns of one that leads to a VCN up to its gap; gives the foot."""
        for group in self.groups:
            used = sum(map(sum, zip(*self._widths(group), strict=True)))
            start = left + self.width - used if group.anchored else left
            foot = _Placement(group, self.on_links, layout).put(start, top)
            top = max(top, foot + BETWEEN_GROUPS)
        return top - BETWEEN_GROUPS


def _cards(group: Group) -> list[list[Card]]:
    """Every device of a group with its interfaces at the edges that look to their links."""
    return [
        [
            Card(device, _leaving(device, group.gaps[number]), _leaving(device, group.gaps[number + 1]))
            for device in column
        ]
        for number, column in enumerate(group.columns)
    ]


def _leaving(device: GenericDevice, links: Sequence[str]) -> list[DeviceInterface]:
    return [interface for interface in device.interfaces.values() if interface.link in links]


class _Placement:
    """One group on its way into a layout: columns one after the other, from where the counting began."""

    def __init__(self, group: Group, members: Mapping[str, list[Port]], layout: Layout) -> None:
        self.group = group
        self.members = members
        self.layout = layout
        self.cards = _cards(group)
        self.tops: dict[str, float] = {}

    def put(self, left: float, top: float) -> float:
        """Put boxes and cables from ``left`` and ``top`` on; gives the lowest y in use."""
        self._find_rows(top)
        edges = []
        x = left
        for number, cards in enumerate(self.cards):
            edges.append(x)
            x += gap_width(self.group.gaps[number])
            width = max(card.width for card in cards)
            for card in cards:
                aside = width - card.width
                shift = aside if card.right and not card.left else 0.0 if card.left and not card.right else aside / 2
                card.put(self.layout, x + shift, self.tops[card.device.id])
            x += width
        edges.append(x)
        for links, start in zip(self.group.gaps, edges, strict=True):
            if links:
                lay_links(links, self.members, self.layout, start)
        return max((self.layout.devices[device].bottom for device in self.tops), default=top)

    def _find_rows(self, top: float) -> None:
        """The upper edges: near what is already there on the same links, below each other, not above ``top``."""
        anchored = self.group.anchored
        numbers = range(len(self.cards))
        levels = {
            link: [self._anchor_level(port) for port in self.members[link] if port in self.layout.ports]
            for links in self.group.gaps
            for link in links
        }
        for number in reversed(numbers) if anchored else numbers:
            self._stack(self.cards[number], levels, anchored)
            for card in self.cards[number]:
                for interface in (*card.left, *card.right):
                    assert interface.link is not None, "an interface at an edge leads to a link"
                    levels[interface.link].append(self.tops[card.device.id] + card.offset(interface.name))
        highest = min(self.tops.values(), default=top)
        if highest < top or not anchored:
            self.tops = {device: y + top - highest for device, y in self.tops.items()}

    def _anchor_level(self, port: Port) -> float:
        return (self.layout.detours.get(port) or [self.layout.ports[port]])[-1][1]

    def _stack(self, cards: list[Card], levels: Mapping[str, list[float]], anchored: bool) -> None:
        wanted = {card.device.id: _wanted(card, card.right if anchored else card.left, levels) for card in cards}
        least = min((y for y in wanted.values() if y is not None), default=0.0)
        below = float("-inf")
        drift = []
        for card in sorted(cards, key=lambda card: _or(wanted[card.device.id], least)):
            wish = _or(wanted[card.device.id], least)
            y = max(wish, below)
            self.tops[card.device.id] = y
            drift.append(y - wish)
            below = y + card.height + BETWEEN_BOXES
        for card in cards:
            self.tops[card.device.id] -= fmean(drift)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _wanted(card: Card, side: Sequence[DeviceInterface], levels: Mapping[str, list[float]]) -> float | None:
    """The upper edge at which the lines of one side run level, on an average."""
    found = [
        fmean(levels[interface.link]) - card.offset(interface.name)
        for interface in side
        if interface.link is not None and levels[interface.link]
    ]
    return fmean(found) if found else None
