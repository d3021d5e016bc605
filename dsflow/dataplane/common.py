"""Rules and tables that several kinds of device share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from dsflow.dataplane.action import Action, Continue, Deliver, Drop, Evidence, IcmpError, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import Match
from dsflow.dataplane.tables import Filter, HopLimit, Listeners, Lower, Mtu, Routes, Table
from dsflow.model.cluster import Listener
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = [
    "AWAITED",
    "EVERYWHERE",
    "IGNORED",
    "LINK_LOCAL",
    "LINUX_FORWARD",
    "LINUX_HOP_LIMIT",
    "LINUX_LOWER",
    "LINUX_MTU",
    "PROTOCOL_NUMBERS",
    "STRAY",
    "UNCONNECTED",
    "fabric_forward",
    "listeners",
    "not_forwarding",
    "origin_mtu",
    "own_addresses",
    "routes",
    "single",
    "source_code_rule",
]

PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17}
"""The protocol numbers of transports with ports (IANA)."""

source_code_rule = partial(Rule, evidence=Evidence.SOURCE_CODE)
"""A rule as it was read in the source code of what acts by it."""

OPEN = Deliver(Rule(reason="{protocol} port {dport} is open"))
ECHO = Deliver(Rule(reason="every host answers an echo request (RFC 1122 section 3.2.2.6)"))
STRAY = Drop(
    Rule(reason="an ICMP message about nothing that was sent from here, and no request (RFC 5927 section 4)"),
    Disposition.NO_LISTENER,
)
TOLD = Deliver(Rule(reason="it tells of a packet that was sent from here"), answers=False)
UNCONNECTED = Drop(
    Rule(reason="no connection here awaits a segment from {src} port {sport}, and it opens none (RFC 9293, 3.10.7)"),
    Disposition.NO_LISTENER,
    resets=True,
)
IGNORED = Drop(
    Rule(reason="a listener ignores a segment that neither opens nor acknowledges anything (RFC 9293, 3.10.7.2)"),
    Disposition.NO_LISTENER,
)
UNHEARD = Drop(
    Rule(reason="{dst} is shared with others, and no listener is bound to it; an echo request to all is ignored"),
    Disposition.NO_LISTENER,
)
AWAITED = Deliver(Rule(reason="it belongs to a connection of this host"), answers=False)
_ACCEPTED_OWN = Rule(reason="{dst} is an address of this device")


LINK_LOCAL = Prefix.parse("fe80::/10")
"""The addresses of one link (RFC 4291 section 2.5.6)."""

EVERYWHERE = tuple(Prefix(family, 0, 0) for family in Family)
"""The prefix of every address, in each family."""


def routes(rows: Iterable[tuple[Prefix, Action]], *defaults: Action) -> Routes:
    """A routing table of both families; of two rows for one prefix the later stands.

    ``defaults`` is what holds where no row does: one action, or one for IPv4 and one for IPv6.
    """
    chosen: dict[Prefix, Action] = dict(zip(EVERYWHERE, defaults * (3 - len(defaults)), strict=True))
    chosen.update(rows)
    return Routes(
        *(
            LongestPrefixTable((prefix, row) for prefix, row in chosen.items() if prefix.family is family)
            for family in Family
        )
    )


def single(address: Address) -> Prefix:
    """The prefix that holds one address only."""
    return Prefix(address.family, address.value, address.family.bits)


def own_addresses(addresses: Iterable[Address | None]) -> list[tuple[Prefix, Action]]:
    """Rows that deliver a device's own addresses to itself."""
    return [(single(address), Deliver(_ACCEPTED_OWN)) for address in addresses if address is not None]


def not_forwarding(device_id: str) -> Drop:
    """The refusal of a host to route what is not addressed to it (RFC 1122 section 3.3.4.2)."""
    rule = Rule(reason=f"{{dst}} is no address of {device_id}, which does not route")
    return Drop(rule, Disposition.NOT_FORWARDING)


def listeners(
    device_id: str,
    ports: Iterable[Listener],
    path: str,
    broadcasts: frozenset[int] = frozenset(),
    anycast: frozenset[int] = frozenset(),
) -> Listeners:
    """What answers at a device, and how it refuses the rest (RFC 9293 section 3.10.7.1, RFC 1122 section 4.1.3.1)."""
    numbers = frozenset((PROTOCOL_NUMBERS[entry.protocol], entry.port) for entry in ports)
    closed = Rule(
        reason=f"nothing at {device_id} listens on {{protocol}}/{{dport}}",
        mend=f"add {{protocol}}/{{dport}} to {path}.listen",
    )
    refusal = Drop(closed, Disposition.NO_LISTENER, error=IcmpError.PORT_UNREACHABLE, resets=True)
    nobody = Rule(reason=f"nothing at {device_id} speaks protocol {{protocol}} (RFC 1122 section 3.2.2.1)")
    return Listeners(
        ports=numbers,
        open=OPEN,
        unconnected=UNCONNECTED,
        ignored=IGNORED,
        echo=ECHO,
        awaited=AWAITED,
        told=TOLD,
        stray=STRAY,
        closed=refusal,
        unknown=Drop(nobody, Disposition.NO_LISTENER, error=IcmpError.PROTOCOL_UNREACHABLE),
        unheard=UNHEARD,
        broadcasts=broadcasts,
        anycast=anycast,
    )


def _mtu(rule: Rule, *, origin: bool = False) -> Mtu:
    too_big = Drop(rule, Disposition.TOO_BIG, error=IcmpError.TOO_BIG)
    return Mtu(too_big=too_big, origin=origin)


def _expired(rule: Rule) -> HopLimit:
    return HopLimit(expired=Drop(rule, Disposition.HOP_LIMIT_EXCEEDED, error=IcmpError.HOP_LIMIT_EXCEEDED))


LINUX_HOP_LIMIT = _expired(Rule(reason="the hop limit {ttl} is used up (RFC 1812 section 5.3.1, RFC 8200 section 3)"))
"""The hop limit as a Linux router checks it."""

LINUX_MTU = _mtu(Rule(reason="{length} bytes do not fit the link's {mtu} (RFC 1191, RFC 8200)"))
"""The MTU check of a Linux router."""

LINUX_LOWER = Lower(
    lowered=Rule(reason="a router forwards with one hop less"), kept=Continue(Rule(reason="not a routed hop"))
)
"""What a Linux router does once the checks are passed."""

LINUX_FORWARD: tuple[Table, ...] = (LINUX_HOP_LIMIT, LINUX_MTU, LINUX_LOWER)
"""What a Linux router asks of a packet before its filters, in this order (ip_forward, ip6_forward)."""


def fabric_forward(topology: Topology) -> tuple[Table, ...]:
    """What the VCN and its gateways are assumed to ask of a packet, and to do with it."""
    sends = topology.assumes("fabric-sends-icmp-errors") == "sends"
    lowers = topology.assumes("vcn-lowers-ttl") == "lowers"
    return (_FABRIC_HOP_LIMIT[sends], _FABRIC_MTU[sends], _FABRIC_LOWER) if lowers else (_FABRIC_MTU[sends], _KEPT)


def _silent(rule: Rule, disposition: Disposition) -> Drop:
    return Drop(replace(rule, reason=f"{rule.reason}; nobody is told"), disposition)


_USED_UP = Rule(
    reason="the hop limit {ttl} is used up", assumption="fabric-sends-icmp-errors", further=("vcn-lowers-ttl",)
)
_TOO_LONG = Rule(
    reason="{length} bytes do not fit the link's {mtu}",
    assumption="fabric-sends-icmp-errors",
    mend="send at most {mtu} bytes",
)
_TOLD = replace(_TOO_LONG, reason=f"{_TOO_LONG.reason}; the sender is told (path MTU discovery)")
_FABRIC_HOP_LIMIT = {
    True: _expired(_USED_UP),
    False: HopLimit(expired=_silent(_USED_UP, Disposition.HOP_LIMIT_EXCEEDED)),
}
_FABRIC_MTU = {True: _mtu(_TOLD), False: Mtu(too_big=_silent(_TOO_LONG, Disposition.TOO_BIG))}
_FABRIC_LOWER = Lower(
    lowered=Rule(reason="a routed hop of the VCN lowers the hop limit", assumption="vcn-lowers-ttl"),
    kept=Continue(Rule(reason="within one subnet nothing routes, so the hop limit stays", assumption="vcn-lowers-ttl")),
)
_KEPT = Filter(
    rows=((Match(), Continue(Rule(reason="the VCN leaves the hop limit alone", assumption="vcn-lowers-ttl"))),),
    stage="hop-limit",
)

origin_mtu = _mtu(
    Rule(
        reason="{length} bytes do not fit the {mtu} of the sender's own link, or of the way as it has learned it",
        mend="send at most {mtu} bytes",
    ),
    origin=True,
)
"""The MTU check of the machine that makes the packet."""
