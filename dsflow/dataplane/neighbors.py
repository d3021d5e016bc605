"""Whether a VNIC and others find each other in IPv6, where security rules judge Neighbor Discovery."""

from __future__ import annotations

from dataclasses import dataclass

from dsflow.dataplane.action import Drop
from dsflow.dataplane.grants import Grant, Grants
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.wire import ICMPV6

__all__ = ["Neighbors"]

_SOLICITATION, _ADVERTISEMENT = 135, 136
_ROUTER, _SOLICITED = Address.parse("fe80::1").value, Address.parse("ff02::1:ff00:1").value
"""A router's link-local address, and one that solicitations are sent to."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbors:
    """The rules of one VNIC, what is ``on_link`` in its subnet, and what is told where somebody is not found.

    RFC 4861 section 7.2: each side asks by a solicitation to a multicast address, and answers by an advertisement; on
    the link they bear the ends' own addresses, beyond it the router's link-local one.
    """

    ingress: Grants
    egress: Grants
    on_link: tuple[Prefix, ...]
    unfound: Drop

    def finds(self, other: int) -> bool:
        """Whether the VNIC and the next hop to or from an address find each other."""
        near = any(prefix.first <= other <= prefix.last for prefix in self.on_link)
        neighbor = other if near else _ROUTER
        asked = (
            (self.egress, _SOLICITED, _SOLICITATION),
            (self.egress, neighbor, _ADVERTISEMENT),
            (self.ingress, neighbor, _SOLICITATION),
            (self.ingress, neighbor, _ADVERTISEMENT),
        )
        return all(any(_allows(row, there, kind) for row in side.rows) for side, there, kind in asked)


def _allows(row: Grant, other: int, kind: int) -> bool:
    if row.peers is not None and not any(peer.has(Family.IPV6, other) for peer in row.peers):
        return False
    return row.traffic is None or any(
        traffic.protocol == ICMPV6 and traffic.icmp_type in (None, kind) for traffic in row.traffic
    )
