"""How a generic device is drawn: its name, what it is, and every interface with its addresses at an edge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.report.boxes import GAP, Box, Layout, Note, Role, text_width

__all__ = ["Card", "kind_words"]

LINE = 0.135
HEAD = 0.5
"""Name and kind, above the interfaces."""
BETWEEN_PORTS = 0.13
EDGE = 0.07
BETWEEN_SIDES = 0.2
NAME_POINTS, KIND_POINTS, TEXT_POINTS = 9.5, 7.2, 7.0
LEAST_WIDTH = 1.15
MOST_ADDRESSES = 5
USUAL_MTU_BYTES, USUAL_VNIC_MTU_BYTES = 1500, 9000


@dataclass(frozen=True, slots=True)
class Card:
    """A device with the interfaces that leave it to the left and to the right."""

    device: GenericDevice
    left: Sequence[DeviceInterface]
    right: Sequence[DeviceInterface]

    @property
    def width(self) -> float:
        """As wide as its words."""
        device = self.device
        sides = [max(map(_width, side), default=0.0) for side in (self.left, self.right)]
        inside = sum(sides) + (BETWEEN_SIDES if all(sides) else 0.0)
        heads = (text_width(device.name, NAME_POINTS), text_width(kind_words(device), KIND_POINTS))
        lowest = max(map(_text_width, self._loopback()), default=0.0)
        return max(LEAST_WIDTH, max(inside, lowest) + 2 * EDGE, max(heads) + 2 * GAP)

    @property
    def height(self) -> float:
        """As high as its fuller side, with the addresses of ``lo`` below."""
        sides = max(sum(map(_height, side)) for side in (self.left, self.right))
        lowest = LINE * len(self._loopback())
        return HEAD + sides + lowest + (0.04 if lowest and not sides else 0.0)

    def offset(self, interface: str) -> float:
        """How far below the upper edge the line of an interface begins."""
        for side in (self.left, self.right):
            y = HEAD
            for entry in side:
                if entry.name == interface:
                    return y + LINE / 2
                y += _height(entry)
        raise KeyError(interface)

    def put(self, layout: Layout, x: float, y: float) -> Box:
        """Add box, words and interfaces to a layout."""
        device = self.device
        role = Role.LINUX_ROUTER if device.forwarding else Role.LINUX_HOST
        box = layout.add(Box(role, x, y, self.width, self.height, device.name, kind_words(device)), device.id)
        for side, edge, align in ((self.left, box.x, "left"), (self.right, box.right, "right")):
            inwards = EDGE if align == "left" else -EDGE
            for entry in side:
                level = y + self.offset(entry.name)
                layout.ports[device.id, entry.name] = edge, level
                for number, text in enumerate(_texts(entry)):
                    place = edge + inwards, level + number * LINE
                    layout.notes.append(Note(*place, text, TEXT_POINTS, align, strong=number == 0))
        for number, text in enumerate(reversed(self._loopback())):
            place = box.middle[0], box.bottom - LINE * (number + 0.7)
            layout.notes.append(Note(*place, text, TEXT_POINTS, "center"))
        return box

    def _loopback(self) -> list[str]:
        """The addresses of ``lo`` and of other interfaces that lead nowhere, which stand at the foot."""
        elsewhere = {entry.name for entry in (*self.left, *self.right)}
        idle = (entry for entry in self.device.interfaces.values() if entry.name not in elsewhere)
        return [f"{entry.name} {address}" for entry in idle for address in _some(list(map(str, entry.addresses)))]


def kind_words(device: GenericDevice) -> str:
    """What a device is and does.

    >>> kind_words(GenericDevice(name="h0"))
    'host'
    """
    return ", ".join(_kinds(device))


def _kinds(device: GenericDevice) -> Iterator[str]:
    families = [family.title for family in sorted(device.forwarding)]
    yield "host" if not families else "router" if len(families) == 2 else f"{families[0]} router"
    if device.nat:
        yield "NAT"
    if device.filters:
        yield "filters"


def _texts(interface: DeviceInterface) -> list[str]:
    usual = USUAL_MTU_BYTES if interface.subnet is None else USUAL_VNIC_MTU_BYTES
    mtu = f", MTU {interface.mtu_bytes}" if interface.mtu_bytes != usual else ""
    return [f"{interface.name}{mtu}", *_some(list(map(str, interface.addresses)))]


def _some(texts: list[str]) -> list[str]:
    if len(texts) <= MOST_ADDRESSES:
        return texts
    return [*texts[: MOST_ADDRESSES - 1], f"and {len(texts) - MOST_ADDRESSES + 1} more"]


def _text_width(text: str) -> float:
    return text_width(text, TEXT_POINTS)


def _width(interface: DeviceInterface) -> float:
    return max(map(_text_width, _texts(interface)))


def _height(interface: DeviceInterface) -> float:
    return len(_texts(interface)) * LINE + BETWEEN_PORTS
