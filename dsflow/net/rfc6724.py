"""Which of a name's addresses a client tries first: destination address selection (RFC 6724 section 6).

This is the one place where the bits of an address decide, because here they do: a client's *resolver* sees bits
and nothing else, while the *network* treats an address by what it is (the origin of its prefix, the VCN it is
in), which only the model knows.  So a ULA source is told from a global one by fc00::/7 here, and nowhere else.

The source of each destination is given: dsflow's machines choose it as Linux does, and the packet bears it.  Where
there is one candidate of each family, section 5 leaves nothing to choose.

Rules 3 (deprecated addresses), 4 (home addresses of Mobile IP) and 7 (tunnels of one family in the other) ask for
a state that no address in a scenario has, so they never decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from dsflow.net.address import Address, Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = [
    "GLIBC",
    "RFC6724",
    "Candidate",
    "Policy",
    "PolicyTable",
    "Rule",
    "decisive_rule",
    "order",
    "policy",
    "scope",
]


class Policy(NamedTuple):
    """A row of the policy table: destinations of higher precedence come first, and labels should match."""

    precedence: int
    label: int


PolicyTable = LongestPrefixTable[Policy]
"""Policies by IPv6 prefix; an IPv4 address is looked up as ::ffff:a.b.c.d (RFC 6724 section 3.2)."""


def _table(*rows: tuple[str, int, int]) -> PolicyTable:
    return LongestPrefixTable((Prefix.parse(prefix), Policy(precedence, label)) for prefix, precedence, label in rows)


RFC6724 = _table(
    ("::1/128", 50, 0),
    ("::/0", 40, 1),
    ("::ffff:0:0/96", 35, 4),
    ("2002::/16", 30, 2),
    ("2001::/32", 5, 5),
    ("fc00::/7", 3, 13),
    ("::/96", 1, 3),
    ("fec0::/10", 1, 11),
    ("3ffe::/16", 1, 12),
)
"""The default table (RFC 6724 section 2.1), which musl has too (src/network/lookup_name.c)."""

GLIBC = _table(
    ("::1/128", 50, 0),
    ("::/0", 40, 1),
    ("2002::/16", 30, 2),
    ("::/96", 20, 3),
    ("::ffff:0:0/96", 10, 4),
    ("fec0::/10", 40, 5),
    ("fc00::/7", 40, 6),
    ("2001::/32", 40, 7),
)
"""The table of the GNU C library without /etc/gai.conf: the precedences of RFC 3484, labels of its own.

From sysdeps/posix/getaddrinfo.c and posix/gai.conf; glibc 2.36 was seen to sort by it.  It differs from the
standard where both ends have ULA: there glibc begins with IPv6, the standard with IPv4.
"""

LINK_LOCAL, SITE_LOCAL, GLOBAL = 0x2, 0x5, 0xE
"""Scopes, by the numbers of RFC 4291 section 2.7."""

_MULTICAST = Prefix.parse("ff00::/8")
_SCOPES = (
    (Prefix.parse("fe80::/10"), LINK_LOCAL),
    (Prefix.parse("::1/128"), LINK_LOCAL),
    (Prefix.parse("fec0::/10"), SITE_LOCAL),
    (Prefix.parse("169.254.0.0/16"), LINK_LOCAL),
    (Prefix.parse("127.0.0.0/8"), LINK_LOCAL),
)


def scope(address: Address) -> int:
    """How far an address means something (RFC 6724 sections 3.1, 3.2 and 3.4): private IPv4 and ULA are global.

    >>> scope(Address.parse("10.0.0.1")) == scope(Address.parse("fd00::1")) == GLOBAL
    True
    """
    if address in _MULTICAST:
        return address.value >> 112 & 0xF
    return next((found for prefix, found in _SCOPES if address in prefix), GLOBAL)


def policy(address: Address, table: PolicyTable = RFC6724) -> Policy:
    """The row of the policy table that an address falls into.

    >>> policy(Address.parse("fd00::1")), policy(Address.parse("10.0.0.1"))
    (Policy(precedence=3, label=13), Policy(precedence=35, label=4))
    """
    mapped = 0xFFFF_0000_0000 if address.family is Family.IPV4 else 0
    found = table.lookup(mapped | address.value)
    assert found is not None, "a policy table covers ::/0"
    return found


class Candidate(NamedTuple):
    """A destination, and the source that packets to it would bear: None where the client has no way there."""

    destination: Address
    source: Address | None


class Rule(IntEnum):
    """The rules of section 6 that can decide here, by their numbers."""

    AVOID_UNUSABLE = 1
    MATCHING_SCOPE = 2
    MATCHING_LABEL = 5
    HIGHER_PRECEDENCE = 6
    SMALLER_SCOPE = 8
    LONGEST_PREFIX = 9
    UNCHANGED = 10

    @property
    def title(self) -> str:
        """The rule's name in the standard, in lower case."""
        return _TITLES[self]


_TITLES = {
    Rule.AVOID_UNUSABLE: "avoid unusable destinations",
    Rule.MATCHING_SCOPE: "prefer matching scope",
    Rule.MATCHING_LABEL: "prefer matching label",
    Rule.HIGHER_PRECEDENCE: "prefer higher precedence",
    Rule.SMALLER_SCOPE: "prefer smaller scope",
    Rule.LONGEST_PREFIX: "use longest matching prefix",
    Rule.UNCHANGED: "otherwise, leave the order unchanged",
}

_DECIDING = tuple(rule for rule in Rule if rule is not Rule.UNCHANGED)

_INTERFACE_BITS = 64
"""What rule 9 leaves out of an IPv6 address: its interface identifier (RFC 6724 section 2.2)."""


def order(candidates: Iterable[Candidate], table: PolicyTable = RFC6724) -> list[Candidate]:
    """The candidates in the order in which a client tries them; equals keep theirs (rule 10).

    >>> gua, quad = Address.parse("2001:db8:ffff::80"), Address.parse("198.51.100.80")
    >>> from_ula = Candidate(gua, Address.parse("fd00:100:0:4::5"))
    >>> from_quad = Candidate(quad, Address.parse("10.0.5.102"))
    >>> order([from_ula, from_quad])[0].destination is quad, decisive_rule(from_quad, from_ula).name
    (True, 'MATCHING_LABEL')
    """
    return sorted(candidates, key=lambda candidate: _marks(candidate, table))


def decisive_rule(one: Candidate, other: Candidate, table: PolicyTable = RFC6724) -> Rule:
    """The first rule that tells two candidates apart."""
    pairs = zip(_DECIDING, _marks(one, table), _marks(other, table), strict=True)
    return next((rule for rule, mine, its in pairs if mine != its), Rule.UNCHANGED)


def _marks(candidate: Candidate, table: PolicyTable) -> tuple[int, ...]:
    """A number for each rule that can decide, lower where the rule prefers the candidate.

    Rule 9 is for two destinations of one family: those of two never get there, as ::ffff:0:0/96 has its
    precedence for itself in every table here.
    """
    destination, source = candidate
    mine = policy(destination, table)
    return (
        int(source is None),
        int(source is None or scope(source) != scope(destination)),
        int(source is None or policy(source, table).label != mine.label),
        -mine.precedence,
        scope(destination),
        0 if source is None else -_common_bits(source, destination),
    )


def _common_bits(one: Address, other: Address) -> int:
    """How many leading bits two addresses of one family share, in IPv6 up to the interface identifier."""
    most = one.family.bits if one.family is Family.IPV4 else _INTERFACE_BITS
    return min(most, one.family.bits - (one.value ^ other.value).bit_length())
