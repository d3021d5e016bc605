"""What Linux asks of any packet: the checks of a generic device that are the same for all."""

from __future__ import annotations

from collections.abc import Iterable

from dsflow.dataplane.action import Continue, Drop, IcmpError, Rule
from dsflow.dataplane.common import LINK_LOCAL, LINUX_MTU, origin_mtu, single
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import Match
from dsflow.dataplane.tables import Filter, Martians, Mtu
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["FORWARDED_MTU", "IPV6_OFF", "MARTIAN", "MARTIANS", "RAW_MTU", "REDIRECTED", "SCOPE", "TOO_LONG", "martians"]

MARTIAN = Drop(
    Rule(reason="{src} cannot be the source of a packet that comes in here (RFC 1812 section 5.3.7)"),
    Disposition.SOURCE_CHECK_FAILED,
)


_NO_DESTINATION = Drop(
    Rule(reason="{dst} is nobody's address on a link (RFC 1812 section 5.3.7)"), Disposition.SOURCE_CHECK_FAILED
)
_NO_SOURCES = ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::1/128", "ff00::/8")
_NO_DESTINATIONS = ("0.0.0.0/32", "127.0.0.0/8", "::1/128")


def martians(*own: Address | None) -> Martians:
    """What ip_route_input_slow and ipv6_rcv take from nobody: ``own`` are addresses that IPv4 sends only itself."""
    ours = [single(address) for address in own if address is not None and address.family is Family.IPV4]
    sources = [*map(Prefix.parse, _NO_SOURCES), *ours]
    destinations = map(Prefix.parse, _NO_DESTINATIONS)
    return Martians(sources=_refusing(sources, MARTIAN), destinations=_refusing(destinations, _NO_DESTINATION))


def _refusing(prefixes: Iterable[Prefix], refusal: Drop) -> dict[int, LongestPrefixTable[Drop]]:
    found = list(prefixes)
    return {
        family: LongestPrefixTable((prefix, refusal) for prefix in found if prefix.family is family)
        for family in Family
    }


MARTIANS = martians()
SCOPE = Filter(
    rows=(
        (
            Match(src=LINK_LOCAL),
            Drop(
                Rule(reason="{src} is link-local and goes no further than its link (RFC 4291 section 2.5.6)"),
                Disposition.SCOPE_UNROUTABLE,
                error=IcmpError.BEYOND_SCOPE,
            ),
        ),
        (Match(src=Prefix.parse("::/128")), MARTIAN),
    ),
    beyond_link=True,
    stage="scope",
)
RAW_MTU = Mtu(too_big=origin_mtu.too_big, origin=True, raw=True)
FORWARDED_MTU = Mtu(too_big=LINUX_MTU.too_big, by_link=True)
REDIRECTED = Continue(
    Rule(reason="the packet leaves as it came, so its sender is told of the better next hop (ICMP redirect)")
)
TOO_LONG = Drop(
    Rule(reason="{length} bytes are more than this end of the link takes: its MTU is smaller than the sender's"),
    Disposition.TOO_BIG,
)
IPV6_OFF = Drop(
    Rule(reason="IPv6 does not run on an interface with an MTU below 1280 bytes (RFC 8200 section 5)"),
    Disposition.FAMILY_UNAVAILABLE,
)
