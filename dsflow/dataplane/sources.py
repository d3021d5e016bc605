"""Which of its addresses a Linux machine speaks from: source address selection in both families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from dsflow.net.address import Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["IcmpSources", "Ipv6Choice", "Ipv6Source", "Lookup", "OwnAddress", "OwnAddresses"]

_LABELS = LongestPrefixTable(
    [
        (Prefix.parse("::/0"), 1),
        (Prefix.parse("::1/128"), 0),
        (Prefix.parse("::ffff:0:0/96"), 4),
        (Prefix.parse("::/96"), 3),
        (Prefix.parse("2002::/16"), 2),
        (Prefix.parse("2001::/32"), 6),
        (Prefix.parse("2001:10::/28"), 7),
        (Prefix.parse("fc00::/7"), 5),
    ]
)
"""The labels by which Linux prefers sources of the destination's kind (net/ipv6/addrlabel.c)."""


class Lookup(Protocol):
    """What tells an address by another one."""

    def lookup(self, value: int) -> int | None:
        """The address to use towards ``value``, or None where there is none."""


IcmpSources = Mapping[int, Mapping[str | None, Lookup]]
"""By family and by the interface that the refused packet came in by, from which address its sender is told."""


class OwnAddress(NamedTuple):
    """An address of an interface and the prefix that is on-link with it."""

    value: int
    prefix: Prefix


@dataclass(frozen=True)
class Ipv6Choice:
    """The choice among IPv6 addresses, by RFC 6724 section 5, rules 6 and 8 (ipv6_get_saddr_eval).

    Of equals Linux takes the one that was added last, so ``candidates`` begin with it.

    >>> prefixes = map(Prefix.parse, ("fd00::1/128", "2001:db8::1/128"))
    >>> ula, gua = (OwnAddress(prefix.first, prefix) for prefix in prefixes)
    >>> choice = Ipv6Choice((ula, gua))
    >>> choice.lookup(Prefix.parse("fd00:9::/64").first) == ula.value
    True
    """

    candidates: tuple[OwnAddress, ...]

    def lookup(self, value: int) -> int | None:
        """The candidate with the destination's label, then with the longest prefix in common; the first of equals."""
        label = _LABELS.lookup(value)
        best = max(
            self.candidates,
            key=lambda own: (
                _LABELS.lookup(own.value) == label,
                min(_common_bits(own.value, value), own.prefix.length),
            ),
            default=None,
        )
        return None if best is None else best.value


@dataclass(frozen=True)
class Ipv6Source:
    """The address that a route to the destination prefers, else a choice."""

    preferred: LongestPrefixTable[int | None]
    choice: Ipv6Choice

    def lookup(self, value: int) -> int | None:
        """The source to use towards ``value``."""
        by_route = self.preferred.lookup(value)
        return self.choice.lookup(value) if by_route is None else by_route


def _common_bits(one: int, other: int) -> int:
    return 128 - (one ^ other).bit_length()


@dataclass(frozen=True)
class OwnAddresses:
    """The addresses of one machine, by family and interface, in the order written."""

    by_interface: Mapping[int, Mapping[str, Sequence[OwnAddress]]]

    def ipv4(self, interface: str, toward: int) -> int | None:
        """The IPv4 source on an interface for a neighbour (inet_select_addr).

        The first primary address whose prefix holds the neighbour, else the interface's first, else the
        first of any other interface, ``lo`` before the rest.
        """
        primaries = self.primaries.get(interface, ())
        if primaries:
            near = next((own for own in primaries if own.prefix.first <= toward <= own.prefix.last), primaries[0])
            return near.value
        others = sorted(self.primaries, key=lambda name: name != "lo")
        return next((self.primaries[name][0].value for name in others if self.primaries[name]), None)

    @cached_property
    def primaries(self) -> Mapping[str, Sequence[OwnAddress]]:
        """The IPv4 addresses but for the later ones of a prefix, which are secondary and chosen by nobody."""
        return {
            name: [own for at, own in enumerate(owns) if own.prefix not in [earlier.prefix for earlier in owns[:at]]]
            for name, owns in self.by_interface[Family.IPV4].items()
        }

    def toward_itself(self, family: int, value: int) -> int:
        """The source of a packet to an own address: in IPv4 the primary one of its prefix (fib_add_ifaddr).

        >>> one, two = (OwnAddress(value, Prefix.parse("10.0.0.0/8")) for value in (0x0A000001, 0x0A000002))
        >>> OwnAddresses({4: {"eth0": [one, two]}, 6: {}}).toward_itself(4, two.value) == one.value
        True
        """
        for owns in self.by_interface[family].values() if family == Family.IPV4 else ():
            for own in owns:
                if own.value == value:
                    return next(first.value for first in owns if first.prefix == own.prefix)
        return value

    def ipv6(self, interface: str) -> Ipv6Choice:
        """The choice of an IPv6 source on an interface; among all of the machine's, ``lo`` first, where it has none."""
        owns = self.by_interface[Family.IPV6]
        names = [interface] if owns.get(interface) else sorted(owns, key=lambda name: name != "lo")
        return Ipv6Choice(tuple(own for name in names for own in reversed(owns[name])))

    def source(self, family: int, interface: str, toward: int) -> int | None:
        """The source of a packet to ``toward`` on the interface's link, or to a router there."""
        return self.ipv4(interface, toward) if family == Family.IPV4 else self.ipv6(interface).lookup(toward)
