"""Who chooses where a device may go on in several ways: a hash of the flow, or whoever asks for all of them."""

from __future__ import annotations

from dsflow.net.hashing import mix64
from dsflow.net.packet import Packet

__all__ = ["BY_HASH", "Chooser", "Replay"]


class Chooser:
    """What says which of so many ways a packet takes: a pure function of flow and seed, uniform over flows.

    >>> from dsflow.net.build import first_packet
    >>> Chooser().choose(3, first_packet(4, "tcp", 1, 2, dport=80), seed=0)
    2
    """

    def choose(self, ways: int, packet: Packet, seed: int, affinity: int | None = None) -> int:
        """The number of the way, from 0: the same for the same flow, or with an ``affinity`` for the same client."""
        if affinity is not None:
            return mix64(packet.src, affinity, seed) % ways
        ports = (packet.sport or 0) << 16 | (packet.dport or 0)
        return mix64(packet.src, packet.dst, seed << 32 | ports) % ways

    def spread(self, ways: int, packet: Packet, seed: int, salt: int, *, symmetric: bool) -> int:
        """The number of the way of a flow, and with ``symmetric`` of its answers; apart for each ``salt``."""
        one, other = _ends(packet, symmetric=symmetric)
        return mix64(mix64(one[0], other[0], one[1] << 16 | other[1]), salt, seed) % ways


def _ends(packet: Packet, *, symmetric: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """The addresses and ports of both ends; where directions do not count, the lower end first."""
    one, other = (packet.src, packet.sport or 0), (packet.dst, packet.dport or 0)
    return (other, one) if symmetric and other < one else (one, other)


BY_HASH = Chooser()


class Replay(Chooser):
    """The ways laid down, then the first of each; ``taken`` tells which were, and of how many."""

    def __init__(self, laid_down: tuple[int, ...] = ()) -> None:
        self._laid_down = laid_down
        self.taken: list[tuple[int, int]] = []
        self._flows: dict[object, int] = {}

    def choose(
        self,
        ways: int,
        packet: Packet,  # noqa: ARG002 - neither flow,
        seed: int,  # noqa: ARG002 - nor seed,
        affinity: int | None = None,  # noqa: ARG002 - nor client decides
    ) -> int:
        """The next way laid down, else the first."""
        place = len(self.taken)
        way = self._laid_down[place] if place < len(self._laid_down) else 0
        self.taken.append((way, ways))
        return way

    def spread(self, ways: int, packet: Packet, seed: int, salt: int, *, symmetric: bool) -> int:
        """The next way laid down, else the first, for a flow that was not met before."""
        flow = salt, _ends(packet, symmetric=symmetric)
        way = self._flows.get(flow)
        if way is None:
            way = self._flows[flow] = self.choose(ways, packet, seed)
        return way

    def following(self) -> tuple[int, ...] | None:
        """The ways to lay down for the next combination; None after the last."""
        rest = list(self.taken)
        while rest and rest[-1][0] + 1 == rest[-1][1]:
            rest.pop()
        if not rest:
            return None
        return (*(way for way, _ in rest[:-1]), rest[-1][0] + 1)
