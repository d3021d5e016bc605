"""What a rule looks at in a packet: every field that is given must agree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dsflow.net.address import Family, Prefix
from dsflow.net.packet import Packet
from dsflow.net.ranges import PortRange

__all__ = ["Match", "State"]


class State(StrEnum):
    """How connection tracking judges a packet (nft's ``ct state``)."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Conditions on a packet and the interfaces it crosses; None means any."""

    family: Family | None = None
    protocol: int | None = None
    src: Prefix | None = None
    dst: Prefix | None = None
    sport: PortRange | None = None
    dport: PortRange | None = None
    in_interface: str | None = None
    out_interface: str | None = None
    states: frozenset[State] | None = None

    @property
    def needs_addresses_only(self) -> bool:
        """Whether protocol, ports and connections play no part."""
        return self.protocol is None and self.sport is None and self.dport is None and self.states is None

    def may_cover(self, family: int, in_interface: str | None) -> bool:
        """Whether any packet of ``family`` from ``in_interface`` can meet the rule."""
        families = [prefix.family for prefix in (self.src, self.dst) if prefix is not None]
        return (
            self.family in (None, family)
            and all(found == family for found in families)
            and self.in_interface in (None, in_interface)
        )

    def covers(
        self, packet: Packet, in_interface: str | None, out_interface: str | None, state: State | None = None
    ) -> bool:
        """Whether the rule applies to ``packet`` between these two interfaces, in its connection's state."""
        return (
            (self.family is None or packet.family == self.family)
            and (self.states is None or state in self.states)
            and (self.in_interface is None or in_interface == self.in_interface)
            and (self.out_interface is None or out_interface == self.out_interface)
            and (self.protocol is None or packet.protocol == self.protocol)
            and (self.src is None or _within(packet.family, packet.src, self.src))
            and (self.dst is None or _within(packet.family, packet.dst, self.dst))
            and (self.sport is None or (packet.sport is not None and packet.sport in self.sport))
            and (self.dport is None or (packet.dport is not None and packet.dport in self.dport))
        )


def _within(family: int, value: int, prefix: Prefix) -> bool:
    return family == prefix.family and prefix.first <= value <= prefix.last
