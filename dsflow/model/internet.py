"""Hosts on the Internet: clients, servers, and Oracle's own public services."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dsflow.model.cluster import Listener
from dsflow.net.address import Address, Family

__all__ = ["Access", "InternetHost"]


class Access(StrEnum):
    """How a host is attached to the Internet; the latency profile has an entry for each but ``none``."""

    NONE = "none"
    FIXED = "fixed"
    MOBILE = "mobile"


@dataclass(frozen=True, slots=True, kw_only=True)
class InternetHost:
    """A host beyond the gateways, ``distance_km`` of great circle from the region."""

    name: str
    ipv4: Address | None = None
    ipv6: Address | None = None
    listen: tuple[Listener, ...] = ()
    distance_km: float = 0.0
    access: Access = Access.NONE
    source: str = ""

    @property
    def id(self) -> str:
        """``internet/NAME``."""
        return f"internet/{self.name}"

    def address(self, family: Family) -> Address | None:
        """The host's address of one family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6
