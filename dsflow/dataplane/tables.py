"""The tables of which a device's pipeline is made.  Each is plain data; executors know what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dsflow.dataplane.action import Action, Continue, Deliver, Drop, Neighbor, Reoriginate, Rule
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatKind, NatRow
from dsflow.net.lpm import LongestPrefixTable

__all__ = [
    "Filter",
    "HopLimit",
    "Listeners",
    "Mtu",
    "Nat",
    "Proxy",
    "RouteLookup",
    "Routes",
    "SourceCheck",
    "StaticNat",
    "Table",
]


@dataclass(frozen=True, slots=True)
class Routes:
    """One routing table: the longest matching prefix of each family decides.

    The compiler gives each family a row for every address, so that a look-up always answers.
    """

    ipv4: LongestPrefixTable[Action]
    ipv6: LongestPrefixTable[Action]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLookup:
    """Where a packet goes next, by destination, in the table of the interface it came in by.

    ``tables[None]`` serves packets made here and interfaces without a table of their own.
    ``owners`` maps an address (per family) to the attached machine that has it, for ``ToOwner`` rows.
    """

    tables: Mapping[str | None, Routes]
    owners: Mapping[int, Mapping[int, Neighbor]] = field(default_factory=dict)
    ownerless: Drop | None = None
    stage: str = "route"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Rows in order, the first that covers the packet decides; a packet that none covers goes on."""

    rows: tuple[tuple[Match, Drop | Continue], ...]
    stage: str = "filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class HopLimit:
    """Lower the TTL or hop limit where the route is a routed hop; refuse a packet that has none left."""

    expired: Drop
    lowered: Rule
    kept: Continue
    stage: str = "hop-limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtu:
    """Refuse, or for IPv4 without *don't fragment* divide, a packet larger than the outgoing link takes.

    At the ``origin`` IPv6 may be divided too (RFC 8200 section 4.5); a router never does so.
    """

    too_big: Drop
    origin: bool = False
    stage: str = "mtu"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheck:
    """Refuse a packet whose source is no address of the VNIC it is about to leave by.

    ``own`` gives each VNIC's addresses as (family, value); other interfaces are not checked.
    """

    own: Mapping[str, frozenset[tuple[int, int]]]
    foreign: Drop
    stage: str = "source-check"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticNat:
    """A fixed one-to-one exchange of IPv4 addresses for packets that cross ``interface``.

    At ``prerouting`` the destination of a packet that came in by it is exchanged, at ``postrouting``
    the source of a packet that leaves by it.  ``miss`` refuses a source without a partner.
    """

    kind: NatKind
    hook: Literal["prerouting", "postrouting"]
    interface: str
    exchange: Mapping[int, int]
    rules: Mapping[int, Rule]
    miss: Drop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nat:
    """Translation with sessions (conntrack): rows apply to the first packet of a connection only.

    ``exhausted`` refuses a connection for which the row's pool has no port left.
    """

    hook: Literal["prerouting", "postrouting"]
    rows: tuple[NatRow, ...]
    exhausted: Drop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """What answers at this device: protocol number and port.  ICMP echo always does.

    Also ``awaited`` are answers to what the device itself sent, and ICMP errors about it; any other ICMP
    is ``stray``.  A TCP segment that opens no connection and belongs to none is ``unconnected``.
    """

    ports: frozenset[tuple[int, int]]
    open: Deliver
    unconnected: Drop
    echo: Deliver
    awaited: Deliver
    stray: Drop
    closed: Drop
    stage: str = "listener"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy's listeners, (family, protocol, port) to the backends it may dial, in a fixed order."""

    listeners: Mapping[tuple[int, int, int], tuple[Reoriginate, ...]]
    unconnected: Drop
    awaited: Deliver
    stray: Drop
    closed: Drop
    no_backend: Mapping[tuple[int, int, int], Drop]
    echo: Drop
    stage: str = "listener"


Table = RouteLookup | Filter | HopLimit | Mtu | SourceCheck | StaticNat | Nat | Listeners | Proxy
