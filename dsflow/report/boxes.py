"""What a drawing is made of: boxes, cables and words with their places in inches, y downwards; no drawing here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

__all__ = ["Box", "Cable", "Layout", "Note", "Point", "Port", "Role", "text_width"]

Point = tuple[float, float]

Port = tuple[str, str]
"""A device's id and one of its interfaces."""


class Role(Enum):
    """What a rectangle stands for; a drawing gives each its own look."""

    INTERNET = "internet"
    VCN = "vcn"
    SUBNET = "subnet"
    NODE = "node"
    PODS = "pods"
    HOST_PODS = "host-pods"
    ROUTER = "router"
    GATEWAY = "gateway"
    BALANCER = "balancer"
    HOST = "host"
    POD = "pod"
    HOST_POD = "host-pod"
    MORE = "more"
    PREMISES = "premises"
    LINUX_HOST = "linux-host"
    LINUX_ROUTER = "linux-router"


class Box(NamedTuple):
    """A rectangle with its words: ``title`` in the first line, ``detail`` in the second."""

    role: Role
    x: float
    y: float
    width: float
    height: float
    title: str
    detail: str = ""

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return self.x + self.width / 2, self.y + self.height / 2


class Note(NamedTuple):
    """Words of their own; ``x`` is where they begin, end or have their middle, as ``align`` says."""

    x: float
    y: float
    text: str
    points: float = 7.0
    align: str = "left"
    strong: bool = False

    @property
    def width(self) -> float:
        """The room that the words take, on the safe side."""
        return text_width(self.text, self.points)


@dataclass(slots=True)
class Cable:
    """A link: every end's line from its interface to the trunk, which is upright at ``x``."""

    name: str
    x: float
    ends: dict[Port, list[Point]]

    @property
    def is_segment(self) -> bool:
        """Whether more than two are on it."""
        return len(self.ends) > 2

    @property
    def span(self) -> tuple[float, float]:
        """The upper and the lower end of the trunk."""
        heights = [line[-1][1] for line in self.ends.values()]
        return min(heights), max(heights)


@dataclass(slots=True)
class Layout:
    """The boxes in drawing order, those of devices by id, and what joins generic devices to others.

    ``peerings`` are gateways that lead directly to each other, ``ports`` the places of interfaces, ``fabrics`` the
    VCNs into which an interface leads directly, and ``detours`` the first points of a line from an interface that
    must go around something.
    """

    boxes: list[Box] = field(default_factory=list)
    devices: dict[str, Box] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    peerings: list[tuple[str, str]] = field(default_factory=list)
    ports: dict[Port, Point] = field(default_factory=dict)
    fabrics: dict[Port, str] = field(default_factory=dict)
    detours: dict[Port, list[Point]] = field(default_factory=dict)
    cables: list[Cable] = field(default_factory=list)

    def add(self, box: Box, device: str | None = None, *, under: int | None = None) -> Box:
        """Take a box in, with the id of the device that it shows, perhaps under those from a place on."""
        self.boxes.insert(len(self.boxes) if under is None else under, box)
        if device is not None:
            self.devices[device] = box
        return box

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the whole."""
        points = [point for cable in self.cables for line in cable.ends.values() for point in line]
        right = max([*(box.right for box in self.boxes), *(x for x, _ in points)], default=PAD)
        bottom = max([*(box.bottom for box in self.boxes), *(y for _, y in points)], default=PAD)
        return right + PAD, bottom + PAD


PAD = 0.16
GAP = 0.15
TITLE = 0.26
LANE = 0.22
"""Under a node's title, where the paths of its pods run."""

POD = (1.4, 0.42)
DEVICE = (1.3, 0.46)
ROUTER_WIDTH = 0.3
BETWEEN = 0.6
"""From the Internet's region to what is next to it: room for arrows."""
ASIDE_WIDTH = 1.6
"""Of a subnet without nodes, which stands between the border and the router."""
LABEL = 0.12

_WIDE = 0.6
"""The width of a character in a proportional font, as a share of its size: on the safe side."""


def text_width(text: str, points: float) -> float:
    r"""The inches that the longest line of a text takes at most.

    >>> round(text_width("a line\nof two", 12), 1)
    0.6
    """
    return max(map(len, text.split("\n"))) * _WIDE * points / 72
