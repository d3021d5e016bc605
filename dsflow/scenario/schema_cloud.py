"""What a scenario's text may hold of the cloud: VCNs, gateways, route tables, subnets, and the Internet."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dsflow.scenario.schema_devices import AddressText
from dsflow.scenario.schema_types import AnyAddress, Ipv4, Ipv4Prefix, Ipv6, Ipv6PrefixText, Listen, Name, Text, Word

__all__ = [
    "DynamicRoutingGatewayText",
    "GatewayText",
    "InternetGatewayText",
    "InternetHostText",
    "Ipv6PrefixEntry",
    "LocalPeeringGatewayText",
    "NatGatewayText",
    "RouteTableText",
    "ServiceGatewayText",
    "SubnetText",
    "VcnText",
]


class Ipv6PrefixEntry(Text):
    """An IPv6 prefix of a VCN."""

    prefix: Ipv6PrefixText = Field(description="The prefix: a /56 from Oracle, otherwise a /64 or shorter.")
    origin: Literal["oracle-gua", "byoip", "ula"] = Field(
        description="Where it comes from: this, not its bits, decides whether the Internet knows it."
    )


class VcnText(Text):
    """A virtual cloud network."""

    ipv4: list[Ipv4Prefix] = Field(min_length=1, description="IPv4 CIDRs, /16 to /30.")
    ipv6: list[Ipv6PrefixEntry] = Field([], description="IPv6 prefixes with their origin.")


class _GatewayText(Text):
    vcn: Name | None = Field(None, description="Its VCN; may be left out where there is one VCN.")
    enabled: bool = Field(True, description="false: nothing passes (OCI's is_enabled, block_traffic).")
    route_table: Name | None = Field(
        None, description="The route table for what enters the VCN by it; left out: all is delivered to its address."
    )


class InternetGatewayText(_GatewayText):
    """The VCN's door to the Internet: ``igw/NAME``."""

    kind: Literal["internet"] = Field(description="An Internet gateway.")


class NatGatewayText(_GatewayText):
    """Source translation to one public IPv4 address, never IPv6: ``natgw/NAME``."""

    kind: Literal["nat"] = Field(description="A NAT gateway.")
    public_ipv4: Ipv4 = Field(description="The address that the Internet sees.")


class ServiceGatewayText(_GatewayText):
    """The private way to Oracle's services, IPv4 only: ``sgw/NAME``."""

    kind: Literal["service"] = Field(description="A service gateway.")
    services: dict[Name, list[Ipv4Prefix]] = Field(
        min_length=1, description="Service labels, and the IPv4 prefixes behind each."
    )


class DynamicRoutingGatewayText(_GatewayText):
    """The way to an on-premises network, for both families: ``drg/NAME``."""

    kind: Literal["drg"] = Field(description="A dynamic routing gateway.")
    link: Name = Field(description="The link that its far side is on, one of links.")
    addresses: list[AddressText] = Field(
        min_length=1, description="Its addresses on that link with their prefix lengths, as in 10.255.0.1/30."
    )
    routes: dict[Word, AnyAddress] = Field(
        {}, description="Prefixes of the on-premises network, each to the address of a router on the link."
    )


class LocalPeeringGatewayText(_GatewayText):
    """One end of a peering of two VCNs, for both families: ``lpg/NAME``."""

    kind: Literal["lpg"] = Field(description="A local peering gateway.")
    peer: Name = Field(description="The LPG of the other VCN, one of gateways, which names this one.")


GatewayText: TypeAlias = Annotated[
    InternetGatewayText | NatGatewayText | ServiceGatewayText | DynamicRoutingGatewayText | LocalPeeringGatewayText,
    Field(discriminator="kind"),
]


class RouteTableText(Text):
    """A route table of static rules; longest prefix wins."""

    vcn: Name | None = Field(None, description="Its VCN; may be left out where there is one VCN.")
    rules: dict[Word, Word] = Field(
        {},
        description="Destination (a prefix or a service label) to target: a gateway id such as natgw/nat, or "
        "private-ip/ADDRESS for a VNIC that forwards.",
    )


class SubnetText(Text):
    """A subnet: an IPv4 CIDR, IPv6 prefixes of exactly /64, or both."""

    vcn: Name | None = Field(None, description="Its VCN; may be left out where there is one VCN.")
    ipv4: Ipv4Prefix | None = Field(None, description="The IPv4 CIDR.")
    ipv6: list[Ipv6PrefixText] = Field([], description="IPv6 prefixes, each a /64.")
    access: Literal["public", "private"] = Field(
        "private", description="private: no public IPv4 address, and no IPv6 to or from the Internet."
    )
    route_table: Name | None = Field(None, description="Its route table; none: only the VCN is reached.")
    security_lists: list[Name] | None = Field(
        None, description="Its security lists; left out: not described, so that nothing is checked for its sake."
    )


class InternetHostText(Text):
    """A host on the Internet: ``internet/NAME``."""

    ipv4: Ipv4 | None = Field(None, description="Its IPv4 address.")
    ipv6: Ipv6 | None = Field(None, description="Its IPv6 address.")
    listen: list[Listen] = Field([], description="What answers on it, such as tcp/443.")
    distance_km: float = Field(0.0, ge=0, le=20100, description="Great-circle distance from the region.")
    access: Literal["none", "fixed", "mobile"] = Field(
        "none", description="Its last mile: none (a data centre), fixed or mobile."
    )
