"""A device: interfaces, and the tables a packet meets on each way through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dsflow.dataplane.action import Delay, Neighbor
from dsflow.dataplane.grants import Grants
from dsflow.dataplane.nat import NatCapability
from dsflow.dataplane.neighbors import Neighbors
from dsflow.dataplane.sources import IcmpSources, OwnAddresses
from dsflow.dataplane.tables import Receive, Table, Track

__all__ = ["Device", "Interface", "Toll", "VnicRules"]


@dataclass(frozen=True, kw_only=True)
class Interface:
    """An interface and its own addresses, as integers by family (4 or 6).

    ``owners`` are, by family and address, those on its link who answer for it, and ``peer`` is who gets what
    nobody answers for when it is put straight onto the wire.
    """

    name: str
    addresses: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    owners: Mapping[int, Mapping[int, Neighbor]] = field(default_factory=dict)
    peer: Neighbor | None = None


@dataclass(frozen=True, kw_only=True)
class Toll:
    """What a packet pays in time inside a device, by what happens to it there.

    ``machine`` names the computer whose load the cost shares, if it is one.
    """

    forwarded: tuple[Delay, ...] = ()
    forwarded_new: tuple[Delay, ...] = ()
    delivered: tuple[Delay, ...] = ()
    machine: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VnicRules:
    """What a VNIC lets in and out.  It lies outside of the machine, whose own tracking knows nothing of it.

    ``neighbors`` tells who is found in IPv6, where the rules judge that too.  With ``judges_errors`` an ICMPv6 error
    needs a rule, whatever it is about.
    """

    ingress: Grants
    egress: Grants
    neighbors: Neighbors | None = None
    judges_errors: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Device:
    """One box of the dataplane.

    A packet that arrives meets ``wire`` and ``receive``, which ends in a routing decision, then ``deliver`` if it
    is addressed to the device, else ``forward`` and ``leave``.  A packet made here meets ``send``, which
    decides the same, ``translate`` and ``output``, and then ``leave``, or ``loopback`` and ``deliver``; ``translate``
    may end in another routing decision.  This is the order of Linux's hooks (prerouting, input, forward, output,
    postrouting), wide enough for a gateway or a fabric.

    ``icmp_sources`` tells the address from which the device sends an ICMP error; where it has none, no error
    is sent.  ``icmp_burst`` is how many it sends to one address in a row, None for any number.  ``own`` are the
    addresses among which it chooses the source of what it sends, where it has several.  ``broadcasts`` (IPv4)
    and ``anycast`` (IPv6) are addresses that it shares with others.  ``vnics`` are the interfaces whose packets are
    judged on the wire, each fragment by itself: what comes in before anything else sees it, what leaves last of all.
    """

    id: str
    kind: str
    interfaces: Mapping[str, Interface]
    wire: Receive | None = None
    vnics: Mapping[str, VnicRules] = field(default_factory=dict)
    receive: tuple[Table, ...] = ()
    deliver: tuple[Table, ...] = ()
    forward: tuple[Table, ...] = ()
    send: tuple[Table, ...] = ()
    translate: tuple[Table, ...] = ()
    output: tuple[Table, ...] = ()
    loopback: tuple[Table, ...] = ()
    leave: tuple[Table, ...] = ()
    capabilities: tuple[NatCapability, ...] = ()
    icmp_sources: IcmpSources = field(default_factory=dict)
    icmp_burst: int | None = None
    own: OwnAddresses | None = None
    broadcasts: frozenset[int] = frozenset()
    anycast: frozenset[int] = frozenset()
    toll: Toll = Toll()
    source: str | None = None

    @property
    def tracks_connections(self) -> frozenset[int]:
        """The families in which the device keeps sessions, as Linux does wherever a rule asks for them."""
        return frozenset().union(*(table.families for table in self.receive if isinstance(table, Track)))
