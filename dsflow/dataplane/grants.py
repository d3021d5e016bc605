"""What may pass where everything else is refused: rules that only allow, as security rules and policies are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dsflow.dataplane.action import Continue, Drop
from dsflow.net.address import Family, Prefix
from dsflow.net.packet import Packet
from dsflow.net.ranges import PortRange

__all__ = ["Grant", "Grants", "Peer", "Traffic"]


class Peer(NamedTuple):
    """Other ends of one family: ``addresses``, or those within a prefix less the ``exceptions``."""

    family: Family
    addresses: frozenset[int] = frozenset()
    prefix: Prefix | None = None
    exceptions: tuple[Prefix, ...] = ()

    def has(self, family: int, address: int) -> bool:
        """Whether the address is among them."""
        if family != self.family:
            return False
        if self.prefix is None:
            return address in self.addresses
        within = self.prefix.first <= address <= self.prefix.last
        return within and not any(prefix.first <= address <= prefix.last for prefix in self.exceptions)


class Traffic(NamedTuple):
    """A protocol, with its ports or ICMP type and code; None means any."""

    protocol: int
    sport: PortRange | None = None
    dport: PortRange | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None

    def covers(self, packet: Packet) -> bool:
        """Whether the packet is of this kind; a fragment without ports is of none that asks for some."""
        return (
            packet.protocol == self.protocol
            and (self.sport is None or (packet.sport is not None and packet.sport in self.sport))
            and (self.dport is None or (packet.dport is not None and packet.dport in self.dport))
            and (self.icmp_type is None or packet.icmp_type == self.icmp_type)
            and (self.icmp_code is None or packet.icmp_code == self.icmp_code)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grant:
    """One rule: any of the ``peers`` and any of the kinds of ``traffic``, None for all; ``told`` is what it says.

    ``answered`` is said of what else belongs to a connection that it let through; None where it has none tracked.
    """

    told: Continue
    answered: Continue | None = None
    peers: tuple[Peer, ...] | None = None
    traffic: tuple[Traffic, ...] | None = None

    def covers(self, packet: Packet, other: int) -> bool:
        """Whether it allows a packet from or to the address ``other``."""
        if self.peers is not None and not any(peer.has(packet.family, other) for peer in self.peers):
            return False
        return self.traffic is None or any(kind.covers(packet) for kind in self.traffic)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grants:
    """Rules in the order in which they are asked, and the refusal of what none of them allows.

    ``unclear`` is what becomes of ICMP that none allows, where that rests on other grounds than the rest.
    """

    rows: tuple[Grant, ...]
    denied: Drop
    unclear: Drop | Continue | None = None
