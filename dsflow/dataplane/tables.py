"""The tables of which a device's pipeline is made.  Each is plain data; executors know what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dsflow.dataplane.action import Action, Continue, Deliver, Drop, Forward, Reoriginate, Rule
from dsflow.dataplane.grants import Grants
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatKind, NatRow
from dsflow.dataplane.sources import OwnAddresses
from dsflow.net.lpm import LongestPrefixTable
from dsflow.net.ranges import PortRange

__all__ = [
    "HEALTH_CHECK_STAGE",
    "Confirm",
    "Filter",
    "HopLimit",
    "Isolation",
    "Listeners",
    "Lower",
    "Martians",
    "Mtu",
    "Nat",
    "Proxy",
    "Receive",
    "Redirect",
    "Resolve",
    "Returns",
    "ReversePath",
    "RouteLookup",
    "Routes",
    "Senders",
    "SourceCheck",
    "StaticNat",
    "Table",
    "Track",
]


@dataclass(frozen=True, slots=True)
class Routes:
    """One routing table: the longest matching prefix of each family decides.

    The compiler gives each family a row for every address, so that a look-up always answers.
    """

    ipv4: LongestPrefixTable[Action]
    ipv6: LongestPrefixTable[Action]


Senders = Mapping[tuple[int, int], Routes]
"""Routing tables by the family and the address of who sends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RouteLookup:
    """Where a packet goes next, by destination, in the table of the interface it came in by.

    ``tables[None]`` serves packets made here and interfaces without a table of their own.  ``again`` marks
    the look-up that follows a translation of a packet made here: it says nothing where there was none.
    ``answers`` is the table for answers of a connection that was given its destination here, whatever interface
    they came in by, and ``marked`` the one for what is about to be masqueraded as its destination's row wants; None:
    they are routed as anything else.
    ``senders`` are tables that come before that of the interface, by the interface and the packet's source.
    ``spreads`` says that rows choose among several ways, so that more than addresses decides.
    """

    tables: Mapping[str | None, Routes]
    senders: Mapping[str, Senders] = field(default_factory=dict)
    again: bool = False
    answers: Routes | None = None
    marked: Routes | None = None
    spreads: bool = False
    stage: str = "route"


@dataclass(frozen=True, kw_only=True, eq=False)
class Returns:
    """Give what answers a packet back to the load balancer that handed it on with its client's own source.

    ``fronts`` are the interfaces of such load balancers with their addresses, as (family, value): what comes in by
    one and bears none of them is remembered.  ``ways`` lead back, by that interface and the answer's own.
    """

    fronts: Mapping[str, frozenset[tuple[int, int]]]
    ways: Mapping[tuple[str, str | None], Forward]
    stage: str = "route"


HEALTH_CHECK_STAGE = "health-check"
"""The filter of load balancers that keep clients out as security rules keep health checks out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Filter:
    """Rows in order, the first that covers the packet decides; a packet that none covers goes on.

    ``beyond_link`` leaves packets alone that go back to the link they came from.
    """

    rows: tuple[tuple[Match, Drop | Continue], ...]
    beyond_link: bool = False
    stage: str = "filter"


@dataclass(frozen=True, kw_only=True, eq=False)
class Isolation:
    """What isolated machines behind an interface may send (``of_senders``) or be sent, by that interface.

    Judged is what opens a connection: what belongs to one is ``answered``, what makes no sense ``senseless``, and
    what goes back to the machine that it came from ``itself``.
    """

    grants: Mapping[str, Grants]
    of_senders: bool
    answered: Continue
    itself: Continue
    senseless: Drop
    stage: str = "network-policy"


@dataclass(frozen=True, kw_only=True, eq=False)
class HopLimit:
    """Refuse a packet whose TTL or hop limit is used up where the route is a routed hop."""

    expired: Drop
    stage: str = "hop-limit"


@dataclass(frozen=True, kw_only=True, eq=False)
class Lower:
    """Lower the TTL or hop limit where the route is a routed hop: after the checks that may refuse the packet."""

    lowered: Rule
    kept: Continue
    stage: str = "hop-limit"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mtu:
    """Refuse, or for IPv4 without *don't fragment* divide, a packet larger than the outgoing link takes.

    At the ``origin`` IPv6 may be divided too (RFC 8200 section 4.5); a router never does so.  ``by_link`` asks
    of IPv6 what the link takes and not what the route says: Linux checks that when it has let the packet out.
    ``raw`` asks of packets from a raw socket that the link takes them as they are (EMSGSIZE, raw(7)).
    """

    too_big: Drop
    origin: bool = False
    by_link: bool = False
    raw: bool = False
    stage: str = "mtu"


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceCheck:
    """Refuse a packet whose source is no address of the VNIC it is about to leave by.

    ``own`` gives each VNIC's addresses as (family, value); other interfaces are not checked.
    """

    own: Mapping[str, frozenset[tuple[int, int]]]
    foreign: Drop
    stage: str = "source-check"


@dataclass(frozen=True, kw_only=True, eq=False)
class Receive:
    """What an interface takes off the wire: packets of families that run on it, up to ``limits_bytes``.

    It comes before all else and looks at each fragment by itself.
    """

    limits_bytes: Mapping[str, int]
    ipv6_off: frozenset[str]
    too_long: Drop
    not_running: Drop


@dataclass(frozen=True, kw_only=True, eq=False)
class Martians:
    """Refuse, by family and prefix, sources that nobody can have and destinations that are on no link."""

    sources: Mapping[int, LongestPrefixTable[Drop]]
    destinations: Mapping[int, LongestPrefixTable[Drop]]
    stage: str = "source-check"


@dataclass(frozen=True, kw_only=True, eq=False)
class ReversePath:
    """What Linux asks of an IPv4 source (fib_validate_source); of IPv6 sources it asks nothing here.

    ``own`` are the device's addresses, ``routes`` its table by which the source is looked up: always where
    the packet would leave as it came, and else where ``mode`` (RFC 3704) says so.  On interfaces without an
    address (``bare``) *loose* is as strict as *strict*.
    """

    own: frozenset[int]
    bare: frozenset[str]
    routes: LongestPrefixTable[Action]
    mode: Literal["off", "strict", "loose"]
    martian: Drop
    unverified: Drop
    stage: str = "source-check"


@dataclass(frozen=True, kw_only=True, eq=False)
class Redirect:
    """Note that the sender is told of a better way: the packet leaves as it came (RFC 1812 section 5.2.7.2).

    ``routes`` tell, by family, whether the sender is a neighbour: in IPv4 on the link that the packet came from.
    Where the route to it leads elsewhere, IPv4 asks again what leads there by that interface, in ``behind``
    (fib_validate_source, which is content with the first answer where filtering is strict).
    """

    routes: Mapping[int, LongestPrefixTable[Action]]
    behind: Mapping[str, LongestPrefixTable[Action]]
    told: Continue
    stage: str = "redirect"


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """Connection tracking of ``families``: find the session that a packet belongs to, and its state.

    ``invalid`` is said of packets that can be part of none; such a device neither translates them nor
    remembers them.  Without it every packet can open a session.  A device that is not ``loose`` takes up no TCP
    connection that it has not seen opened.
    """

    families: frozenset[int] = frozenset({4, 6})
    invalid: Continue | None = None
    loose: bool = True
    stage: str = "conntrack"


@dataclass(frozen=True, kw_only=True, eq=False)
class Confirm:
    """Remember the session of a new connection: the packet that opens it was let through."""

    stage: str = "conntrack"


@dataclass(frozen=True, kw_only=True, eq=False)
class Resolve:
    """The last thing before a packet leaves: somebody on the link must answer for the next hop."""

    stage: str = "neighbor"


@dataclass(frozen=True, kw_only=True, eq=False)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Nat:
    """Translation with sessions (conntrack): rows apply to the first packet of a connection only.

    *Prerouting* and *output* change destinations, *postrouting* and *input* sources; the last only for
    answers to what the device itself sent.
    ``exhausted`` refuses a connection for which the row's pool has no port left, ``unaddressed`` one for which there
    is no address to take.  ``own`` gives the
    device's addresses, for rows that take the one of the interface a packet leaves by.  ``collision``, where
    given, is the row of a connection that no row covers but whose port another one holds.
    """

    hook: Literal["prerouting", "input", "output", "postrouting"]
    rows: tuple[NatRow, ...]
    exhausted: Drop | None = None
    unaddressed: Drop | None = None
    own: OwnAddresses | None = None
    collision: NatRow | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Listeners:
    """What answers at this device: protocol number and port.  ICMP echo always does.

    Also ``awaited`` are answers to what the device itself sent, and by ICMP errors about that it is ``told``; any
    other ICMP is ``stray``.  A TCP segment that opens no connection and belongs to none is ``unconnected``, one
    that asks for nothing ``ignored``.  ``unknown`` is said of other protocols.  What comes to an address shared
    with others (``broadcasts`` in IPv4, ``anycast`` in IPv6) finds no listener, as those are bound to addresses:
    broadcasts and TCP are ``unheard`` there.  Of the ``unsaid`` ports of a protocol more is told where nothing
    listens there, or that nobody knows what answers.
    """

    ports: frozenset[tuple[int, int]]
    open: Deliver
    unconnected: Drop
    ignored: Drop
    echo: Deliver
    awaited: Deliver
    told: Deliver
    stray: Drop
    closed: Drop
    unknown: Drop
    unheard: Drop
    broadcasts: frozenset[int] = frozenset()
    anycast: frozenset[int] = frozenset()
    unsaid: tuple[tuple[int, PortRange, Drop], ...] = ()
    stage: str = "listener"


@dataclass(frozen=True, kw_only=True, eq=False)
class Proxy:
    """A proxy's listeners, (family, protocol, port) to the backends it may dial, in a fixed order.

    Those with an ``affinity`` lead a client always to the same back end.  Where policies are ignored, the back ends
    are the ``unchecked``: those of the listeners, and more where security rules keep health checks out.
    """

    listeners: Mapping[tuple[int, int, int], tuple[Reoriginate, ...]]
    unconnected: Drop
    ignored: Drop
    awaited: Deliver
    stray: Drop
    closed: Drop
    no_backend: Mapping[tuple[int, int, int], Drop]
    echo: Drop
    affinity: Mapping[tuple[int, int, int], int] = field(default_factory=dict)
    unchecked: Mapping[tuple[int, int, int], tuple[Reoriginate, ...]] = field(default_factory=dict)
    stage: str = "listener"


Table = (
    Track
    | Martians
    | RouteLookup
    | Returns
    | ReversePath
    | Redirect
    | Filter
    | Isolation
    | HopLimit
    | Lower
    | Mtu
    | SourceCheck
    | StaticNat
    | Nat
    | Listeners
    | Proxy
    | Confirm
    | Resolve
)
