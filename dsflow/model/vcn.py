"""A virtual cloud network: its prefixes with their origin, subnets, route tables and gateways."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dsflow.model.devices import InterfaceAddress
from dsflow.net.address import Address, Family, Prefix

__all__ = [
    "PRIVATE_IP",
    "DrgRoute",
    "DynamicRoutingGateway",
    "Gateway",
    "InternetGateway",
    "Ipv6Prefix",
    "LocalPeeringGateway",
    "NatGateway",
    "Origin",
    "RouteRule",
    "RouteTable",
    "ServiceGateway",
    "Subnet",
    "Vcn",
]


PRIVATE_IP = "private-ip/"
"""What the target of a route rule begins with that leads to the address of a VNIC."""


class Origin(StrEnum):
    """Where an IPv6 prefix of a VCN comes from, which alone decides whether the Internet knows it.

    A prefix taken as private stays private even when its bits are from 2000::/3 (docs.oracle.com,
    Network/Concepts/ipv6.htm, read 2026-09), so bits are never asked.
    """

    ORACLE_GUA = "oracle-gua"
    BYOIP = "byoip"
    ULA = "ula"

    @property
    def is_global(self) -> bool:
        """Whether the Internet routes the prefix to the VCN."""
        return self is not Origin.ULA


@dataclass(frozen=True, slots=True)
class Ipv6Prefix:
    """An IPv6 prefix of a VCN and its origin."""

    prefix: Prefix
    origin: Origin
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Vcn:
    """A VCN: a virtual router that knows every address inside its own prefixes."""

    name: str
    ipv4: tuple[Prefix, ...]
    ipv6: tuple[Ipv6Prefix, ...] = ()
    source: str = ""

    @property
    def id(self) -> str:
        """The device id of the VCN's fabric."""
        return f"vcn/{self.name}"

    def prefixes(self, family: Family) -> tuple[Prefix, ...]:
        """The VCN's prefixes of one family."""
        return self.ipv4 if family is Family.IPV4 else tuple(entry.prefix for entry in self.ipv6)

    def ipv6_prefix_of(self, address: Address) -> Ipv6Prefix | None:
        """The most specific IPv6 prefix of this VCN that holds ``address``."""
        holding = [entry for entry in self.ipv6 if address in entry.prefix]
        return max(holding, key=lambda entry: entry.prefix.length, default=None)


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet: at most one IPv4 CIDR, IPv6 prefixes of exactly /64, and one route table.

    ``public`` is OCI's absence of *prohibit public IP on VNIC* and *prohibit Internet ingress*.  ``security_lists`` is
    None where the scenario does not say which lists the subnet has.
    """

    name: str
    vcn: str
    ipv4: Prefix | None = None
    ipv6: tuple[Prefix, ...] = ()
    public: bool = False
    route_table: str | None = None
    security_lists: tuple[str, ...] | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``subnet/NAME``, also the name of the fabric's interface to it."""
        return f"subnet/{self.name}"

    def prefixes(self, family: Family) -> tuple[Prefix, ...]:
        """The subnet's prefixes of one family."""
        if family is Family.IPV6:
            return self.ipv6
        return () if self.ipv4 is None else (self.ipv4,)


@dataclass(frozen=True, kw_only=True)
class RouteRule:
    """One static rule: a prefix or an Oracle service label, and where it leads.

    ``target`` is the id of a gateway, or ``private-ip/ADDRESS`` for the VNIC that has the address.
    """

    destination: Prefix | str
    target: str
    source: str = ""

    @property
    def next_hop(self) -> Address | None:
        """The address of the VNIC that the rule leads to, where it leads to one.

        >>> RouteRule(destination="all", target="private-ip/10.0.9.10").next_hop
        Address.parse('10.0.9.10')
        """
        return Address.parse(self.target.removeprefix(PRIVATE_IP)) if self.target.startswith(PRIVATE_IP) else None


@dataclass(frozen=True, kw_only=True)
class RouteTable:
    """Static rules in the order written; longest prefix wins, so the order decides nothing."""

    name: str
    vcn: str
    rules: tuple[RouteRule, ...] = ()
    source: str = ""

    @property
    def id(self) -> str:
        """``route-table/NAME``."""
        return f"route-table/{self.name}"


@dataclass(frozen=True, kw_only=True)
class InternetGateway:
    """The VCN's door to the Internet; one-to-one public IPv4, IPv6 unchanged."""

    name: str
    vcn: str
    enabled: bool = True
    route_table: str | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``igw/NAME``."""
        return f"igw/{self.name}"


@dataclass(frozen=True, kw_only=True)
class NatGateway:
    """Source translation to one public IPv4; never IPv6.  ``enabled: false`` is OCI's *block traffic*."""

    name: str
    vcn: str
    public_ipv4: Address
    enabled: bool = True
    route_table: str | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``natgw/NAME``."""
        return f"natgw/{self.name}"


@dataclass(frozen=True, kw_only=True)
class ServiceGateway:
    """The private way to Oracle services, IPv4 only; ``services`` maps a label to its prefixes."""

    name: str
    vcn: str
    services: tuple[tuple[str, tuple[Prefix, ...]], ...]
    enabled: bool = True
    route_table: str | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``sgw/NAME``."""
        return f"sgw/{self.name}"


@dataclass(frozen=True, kw_only=True)
class DrgRoute:
    """What a DRG reaches on its far side: a prefix, and the router there that knows it."""

    to: Prefix
    via: Address
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class DynamicRoutingGateway:
    """The way to an on-premises network (a DRG): both families, addresses kept.

    It is attached to one VCN; its far side is on ``link`` with ``addresses`` of its own.
    """

    name: str
    vcn: str
    link: str
    addresses: tuple[InterfaceAddress, ...]
    routes: tuple[DrgRoute, ...] = ()
    enabled: bool = True
    route_table: str | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``drg/NAME``."""
        return f"drg/{self.name}"


@dataclass(frozen=True, kw_only=True)
class LocalPeeringGateway:
    """One end of a peering of two VCNs in a region (an LPG): both families, addresses kept.

    ``peer`` is the name of the LPG in the other VCN, which names this one.
    """

    name: str
    vcn: str
    peer: str
    enabled: bool = True
    route_table: str | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``lpg/NAME``."""
        return f"lpg/{self.name}"

    @property
    def peer_id(self) -> str:
        """The device id of the other end."""
        return f"lpg/{self.peer}"


Gateway = InternetGateway | NatGateway | ServiceGateway | DynamicRoutingGateway | LocalPeeringGateway
"""A door of a VCN; ``route_table`` serves what enters by it, which without one is delivered to its address."""
