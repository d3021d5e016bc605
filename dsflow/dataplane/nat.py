"""Address translation as tables: kinds, rules, and the one rule by which a port is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from dsflow.dataplane.action import Rule
from dsflow.dataplane.match import Match
from dsflow.net.hashing import mix64

__all__ = [
    "ECHO_IDENTIFIERS",
    "NatCapability",
    "NatKind",
    "NatRow",
    "PortPool",
    "Target",
    "next_port",
    "port_class",
    "preferred_port",
]


class NatKind(StrEnum):
    """The kinds of rewriting that the NAT ledger accounts for.

    The last two are not NAT: a proxy ends one connection and opens another.
    """

    SERVICE_DNAT = "service-dnat"
    MASQUERADE = "masquerade"
    HAIRPIN_MASQUERADE = "hairpin-masquerade"
    PUBLIC_IP_ONE_TO_ONE = "public-ip-one-to-one"
    GATEWAY_SNAT = "gateway-snat"
    LOAD_BALANCER_DNAT = "load-balancer-dnat"
    LOAD_BALANCER_SNAT = "load-balancer-snat"
    DNAT = "dnat"
    SNAT = "snat"
    PROXY_RE_ORIGINATION = "proxy-re-origination"
    CROSS_FAMILY = "cross-family"

    @property
    def is_nat(self) -> bool:
        """Whether a packet's addresses are translated, rather than a new connection opened."""
        return self not in (NatKind.PROXY_RE_ORIGINATION, NatKind.CROSS_FAMILY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NatCapability:
    """A kind of rewriting that a device is able to do, and why it does not where it does not.

    ``families`` are those it can rewrite; ``idle`` is the reason there, ``cannot`` elsewhere.
    """

    kind: NatKind
    idle: Rule
    families: tuple[int, ...] = (4, 6)
    cannot: Rule | None = None

    def rule_for(self, family: int) -> Rule:
        """Why nothing was rewritten in ``family``."""
        return self.idle if self.cannot is None or family in self.families else self.cannot


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPool:
    """The ports of a translator, and how many it gives out towards one destination.

    Beyond that it refuses, or where it ``evicts`` forgets the oldest connection towards it.
    """

    first: int = 1024
    last: int = 65535
    per_destination: int = 65536
    evicts: bool = False


class Target(NamedTuple):
    """One of the destinations among which a row chooses."""

    address: int
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NatRow:
    """One translation: the packets it covers and the new destination or source.

    In a *prerouting* or *output* table ``address`` and ``port`` are the new destination.  In a *postrouting* table they
    are the new source; without an ``address`` it is the one of the interface that the packet leaves by.  Without a
    ``port`` a source gets one from ``pool``; without a pool it keeps its own, or one of the same class where that is
    taken (:func:`port_class`), or in any case where the row ``draws``.  ``back`` is the rule that replies are told by;
    ``rule`` itself where there is none.

    A destination may be chosen among ``targets``, each as often as another; a row with neither leaves
    the packets alone that it covers.  ``marks`` is the kind
    of source translation that a packet is marked for when the row gives it a destination, and ``marks_own`` the
    one where that destination is its own source; a source row with ``marked`` is for packets so marked.
    Rows with the same ``affinity`` lead one client to one of their targets, whatever its ports.  Where policies are
    ignored, ``unchecked`` stands for the row.
    """

    kind: NatKind
    match: Match
    rule: Rule
    address: int | None
    port: int | None = None
    pool: PortPool | None = None
    back: Rule | None = None
    targets: tuple[Target, ...] = ()
    marks: NatKind | None = None
    marks_own: NatKind | None = None
    marked: NatKind | None = None
    affinity: int | None = None
    unchecked: NatRow | None = None
    draws: bool = False


def preferred_port(pool: PortPool, src: int, sport: int, dst: int, dport: int, seed: int) -> int:
    """The port that a new flow tries first: a pure function of flow, pool and seed.

    A port that is taken gives way to the next of the pool (:func:`next_port`), so that every executor that
    works in the same flow order gives out the same ports.

    >>> preferred_port(PortPool(first=5000, last=5003), 1, 40000, 2, 80, seed=0)
    5002
    """
    return pool.first + mix64(src, dst, seed << 32 | sport << 16 | dport) % (pool.last - pool.first + 1)


def port_class(port: int) -> PortPool:
    """The ports among which Linux looks for another source port (net/netfilter/nf_nat_core.c).

    >>> port_class(200).last, port_class(600).first, port_class(40000).first
    (511, 600, 1024)
    """
    if port < 512:
        return PortPool(first=1, last=511)
    return PortPool(first=600, last=1023) if port < 1024 else PortPool()


ECHO_IDENTIFIERS = PortPool(first=0, last=65535)
"""Among which Linux looks for another identifier of an ICMP echo (the same file)."""


def next_port(pool: PortPool, port: int) -> int:
    """The port to try after ``port``: upwards, and round again."""
    return pool.first if port == pool.last else port + 1
