"""A device: interfaces, and the tables a packet meets on each way through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dsflow.dataplane.action import Delay
from dsflow.dataplane.nat import NatCapability
from dsflow.dataplane.tables import Nat, Table
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["Device", "Interface", "Toll"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An interface and its own addresses, as integers by family (4 or 6)."""

    name: str
    addresses: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What a packet pays in time inside a device, by what happens to it there.

    ``machine`` names the computer whose load the cost shares, if it is one.
    """

    forwarded: tuple[Delay, ...] = ()
    forwarded_new: tuple[Delay, ...] = ()
    delivered: tuple[Delay, ...] = ()
    machine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Device:
    """One box of the dataplane.

    A packet that arrives meets ``receive``, which ends in a routing decision, then ``deliver`` if it
    is addressed to the device, else ``forward`` and ``leave``.  A packet made here meets ``send`` and
    ``leave``.  This is the order of Linux's hooks (prerouting, input, forward, output, postrouting),
    wide enough for a gateway or a fabric.

    ``icmp_sources`` gives, by family and the address of the one who is told, the address from which
    the device sends an ICMP error; without an entry it sends none.
    """

    id: str
    kind: str
    interfaces: Mapping[str, Interface]
    receive: tuple[Table, ...] = ()
    deliver: tuple[Table, ...] = ()
    forward: tuple[Table, ...] = ()
    send: tuple[Table, ...] = ()
    leave: tuple[Table, ...] = ()
    capabilities: tuple[NatCapability, ...] = ()
    icmp_sources: Mapping[int, LongestPrefixTable[int]] = field(default_factory=dict)
    toll: Toll = Toll()
    source: str | None = None

    @property
    def tracks_connections(self) -> bool:
        """Whether the device keeps sessions, as Linux does wherever a translation rule exists."""
        return any(isinstance(table, Nat) for table in self.receive + self.leave)
