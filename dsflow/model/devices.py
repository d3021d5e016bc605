"""Generic devices: routers and hosts that behave as Linux does, on links of their own or in a VCN's subnet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from dsflow.model.cluster import Listener
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.ranges import PortRange

__all__ = [
    "IPV6_LEAST_MTU_BYTES",
    "LOOPBACK_MTU_BYTES",
    "DeviceInterface",
    "DeviceLink",
    "DeviceRoute",
    "FilterRule",
    "GenericDevice",
    "InterfaceAddress",
    "NatRule",
    "PacketMatch",
    "RouteType",
    "RpFilter",
]

IPV6_LEAST_MTU_BYTES = 1280
"""RFC 8200 section 5; Linux takes IPv6 off an interface with less (net/ipv6/addrconf.c)."""

LOOPBACK_MTU_BYTES = 65536

_SUBNET = "subnet/"


class RouteType(StrEnum):
    """What a route does with a packet (ip-route(8))."""

    UNICAST = "unicast"
    BLACKHOLE = "blackhole"
    UNREACHABLE = "unreachable"
    PROHIBIT = "prohibit"
    THROW = "throw"


class RpFilter(StrEnum):
    """Whether an IPv4 source must be reachable, and by the same interface (RFC 3704; Linux's ``rp_filter``)."""

    OFF = "off"
    STRICT = "strict"
    LOOSE = "loose"


@dataclass(frozen=True, kw_only=True)
class DeviceLink:
    """A wire: point to point with two interfaces on it, a LAN segment with more."""

    name: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class InterfaceAddress:
    """An address and the prefix that is on-link with it, as in ``10.1.0.1/24``."""

    address: Address
    prefix: Prefix

    def __str__(self) -> str:
        return f"{self.address}/{self.prefix.length}"


@dataclass(frozen=True, kw_only=True)
class DeviceInterface:
    """An interface.  ``link`` names one of ``links:``, or a subnet as ``subnet/NAME``; only ``lo`` has none.

    ``source_destination_check`` is OCI's, of the VNIC that an interface in a subnet is: it sends and takes
    nothing that is not from or to an address of its own.  ``nsgs`` are the groups that the VNIC is in, ``route_table``
    is that of such a VNIC, None for the subnet's.
    """

    name: str
    link: str | None = None
    mtu_bytes: int = 1500
    addresses: tuple[InterfaceAddress, ...] = ()
    source_destination_check: bool = True
    nsgs: tuple[str, ...] = ()
    route_table: str | None = None
    source: str = ""

    @property
    def subnet(self) -> str | None:
        """The name of the subnet in which it is a VNIC, if it is one.

        >>> DeviceInterface(name="vnic", link="subnet/pods").subnet, DeviceInterface(name="e0", link="lan").subnet
        ('pods', None)
        """
        link = self.link or ""
        return link.removeprefix(_SUBNET) if link.startswith(_SUBNET) else None

    def carries(self, family: Family) -> bool:
        """Whether the family runs on it: IPv6 needs an MTU of 1280."""
        return family is Family.IPV4 or self.mtu_bytes >= IPV6_LEAST_MTU_BYTES

    def in_family(self, family: Family) -> tuple[InterfaceAddress, ...]:
        """The addresses of one family, in the order written; none where the family does not run."""
        if not self.carries(family):
            return ()
        return tuple(entry for entry in self.addresses if entry.address.family is family)


@dataclass(frozen=True, kw_only=True)
class DeviceRoute:
    """One written route; connected routes are implied by the addresses."""

    to: Prefix
    type: RouteType = RouteType.UNICAST
    via: Address | None = None
    interface: str | None = None
    metric: int | None = None
    mtu_bytes: int | None = None
    source_address: Address | None = None
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class PacketMatch:
    """The packets that a rule is about; None means any.  ``protocol`` is tcp, udp, icmp or icmpv6."""

    family: Family | None = None
    protocol: str | None = None
    src: Prefix | None = None
    dst: Prefix | None = None
    sport: PortRange | None = None
    dport: PortRange | None = None
    in_interface: str | None = None
    out_interface: str | None = None
    states: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FilterRule:
    """A rule of a filter.

    ``hook``: input, forward or output.  ``action``: accept, drop, reject, reject-admin, reject-host or
    reject-tcp-reset.  The first rule of the hook that matches decides; without any the packet is accepted.
    """

    hook: str
    action: str
    match: PacketMatch = PacketMatch()
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class NatRule:
    """A rule of address translation.

    ``hook``: prerouting, output or postrouting.  ``action``: dnat, snat or masquerade.
    """

    hook: str
    action: str
    match: PacketMatch = PacketMatch()
    to_address: Address | None = None
    to_port: int | None = None
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class GenericDevice:
    """A router or host: ``device/NAME``.  ``forwarding`` holds the families that it routes."""

    name: str
    forwarding: frozenset[Family] = frozenset()
    interfaces: Mapping[str, DeviceInterface] = field(default_factory=dict)
    routes: tuple[DeviceRoute, ...] = ()
    filters: tuple[FilterRule, ...] = ()
    nat: tuple[NatRule, ...] = ()
    rp_filter: RpFilter = RpFilter.OFF
    listen: tuple[Listener, ...] = ()
    icmp_rate_limit: bool = False
    source: str = ""

    @property
    def id(self) -> str:
        """``device/NAME``."""
        return f"device/{self.name}"

    @cached_property
    def tracks_connections(self) -> bool:
        """Whether connection tracking runs: where a rule translates or asks for a state, as in nftables."""
        return bool(self.nat) or any(rule.match.states for rule in self.filters)

    def addresses(self, family: Family) -> tuple[Address, ...]:
        """The addresses of one family, interface by interface in the order written, ``lo`` last."""
        ordered = sorted(self.interfaces.values(), key=lambda interface: interface.name == "lo")
        return tuple(entry.address for interface in ordered for entry in interface.in_family(family))
