"""The text of generic devices: links, interfaces, routes, filters and address translation."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from dsflow.model.devices import InterfaceAddress
from dsflow.net.address import Address, Family, Prefix
from dsflow.scenario.document import show
from dsflow.scenario.schema_types import (
    AnyAddress,
    AnyPrefix,
    InterfaceName,
    Listen,
    Name,
    Port,
    Ports,
    Text,
    Word,
    in_words,
    reader,
)

__all__ = [
    "AddressText",
    "DeviceText",
    "FilterText",
    "InterfaceText",
    "LinkText",
    "MatchText",
    "NatText",
    "RouteText",
]


def _interface_address(text: str) -> InterfaceAddress:
    """An address with the length of the prefix that is on-link with it."""
    head, slash, tail = text.partition("/")
    if not slash:
        raise ValueError(f'"{text}": a prefix length is missing, as in {text}/{"64" if ":" in text else "24"}')
    address = Address.parse(head)
    canonical = tail.isascii() and tail.isdigit() and (tail == "0" or tail[0] != "0")
    if not canonical or int(tail) > address.family.bits:
        raise ValueError(f'"{text}": the prefix length is 0-{address.family.bits} for {address.family.title}')
    return InterfaceAddress(address=address, prefix=Prefix.around(address, int(tail)))


AddressText: TypeAlias = Annotated[
    InterfaceAddress,
    reader(_interface_address),
    in_words("an address with its prefix length such as 10.1.0.1/24 or fd00:1::1/64"),
]


def _forwarding(value: object) -> frozenset[Family]:
    """The families that a device routes: all, none, or those said."""
    families = {str(family): family for family in Family}
    if isinstance(value, bool):
        return frozenset(Family) if value else frozenset()
    if not isinstance(value, dict):
        raise ValueError(show(value))
    for key, routed in value.items():
        if key not in families:
            raise ValueError(f"the unknown key {show(key)}")
        if not isinstance(routed, bool):
            raise ValueError(f"{key}: {show(routed)}")
    return frozenset(families[key] for key, routed in value.items() if routed)


Forwarding: TypeAlias = Annotated[
    frozenset[Family],
    PlainValidator(_forwarding),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "properties": {"ipv4": {"type": "boolean"}, "ipv6": {"type": "boolean"}},
                    "additionalProperties": False,
                },
            ],
            "x-expected": "true, false, or a mapping such as {ipv4: true, ipv6: false}",
        }
    ),
]

Mtu: TypeAlias = Annotated[int, Field(ge=68, le=65535)]
"""RFC 791 section 3.2: every link carries 68 bytes whole."""


class LinkText(Text):
    """A wire: two ends are point to point, more are a LAN segment."""


class InterfaceText(Text):
    """An interface; the one called lo has no link."""

    link: Word | None = Field(None, description="Its link, or a VCN's subnet as subnet/NAME.")
    mtu: Mtu | None = Field(None, description="Left out: 1500, in a subnet 9000, on lo 65536.")
    addresses: list[AddressText] = Field([], description="Addresses with their prefix lengths, as in 10.1.0.1/24.")
    source_destination_check: bool | None = Field(
        None,
        description="In a subnet only; left out: true. false: the VNIC sends and takes packets that are not its own "
        "(OCI's skip_source_dest_check).",
    )
    nsgs: list[Name] = Field([], description="In a subnet only: the network security groups that the VNIC is in.")
    route_table: Name | None = Field(
        None, description="In a subnet only: the route table of the VNIC; left out: that of its subnet serves."
    )


class RouteText(Text):
    """A route; connected routes are implied by the addresses."""

    to: AnyPrefix = Field(description="The destinations.")
    via: AnyAddress | None = Field(None, description="The next hop; left out: the destinations are on-link.")
    interface: InterfaceName | None = Field(None, description="Left out: the one whose link has the next hop.")
    metric: Annotated[int, Field(ge=0, le=4294967295)] | None = Field(
        None, description="The lowest wins within a prefix; left out: 0 in IPv4 and 1024 in IPv6, as in Linux."
    )
    mtu: Mtu | None = Field(None, description="The largest packet by this route.")
    source: AnyAddress | None = Field(None, description="The address that the device itself sends from.")
    type: Literal["unicast", "blackhole", "unreachable", "prohibit", "throw"] = Field(
        "unicast", description="What becomes of the packets."
    )


class MatchText(Text):
    """The packets that a rule is about: all of what is said must hold."""

    family: Literal["ipv4", "ipv6"] | None = Field(None, description="ipv4 or ipv6.")
    protocol: Literal["tcp", "udp", "icmp", "icmpv6"] | None = Field(
        None, description="tcp, udp, icmp (in IPv6: ICMPv6) or icmpv6."
    )
    src: AnyPrefix | None = Field(None, alias="from", description="Sources.")
    dst: AnyPrefix | None = Field(None, alias="to", description="Destinations.")
    sport: Ports | None = Field(None, description="Source port or range, as in 1000-2000.")
    dport: Ports | None = Field(None, description="Destination port or range.")
    in_interface: InterfaceName | None = Field(None, description="Where the packet came in.")
    out_interface: InterfaceName | None = Field(None, description="Where the packet leaves.")


class FilterText(MatchText):
    """A rule of a filter: the first of its hook that matches decides, without any the packet is accepted."""

    hook: Literal["input", "forward", "output"] = Field(
        description="For packets to the device, through it, or from it."
    )
    state: list[Literal["new", "established", "related", "invalid"]] | None = Field(
        None, min_length=1, description="States of connection tracking."
    )
    action: Literal["accept", "drop", "reject", "reject-admin", "reject-host", "reject-tcp-reset"] = Field(
        description="accept, drop silently, or refuse with an ICMP error or a TCP reset."
    )


class NatText(MatchText):
    """A rule of address translation."""

    hook: Literal["prerouting", "output", "postrouting"] = Field(
        description="Before routing, for the device's own packets, or as packets leave."
    )
    action: Literal["dnat", "snat", "masquerade"] = Field(
        description="Another destination, another source, or the leaving interface's address as source."
    )
    to_address: AnyAddress | None = Field(None, description="The new address, for dnat and snat.")
    to_port: Port | None = Field(None, description="The new port; left out: it is kept where it can be.")


class DeviceText(Text):
    """A router or host that behaves as Linux does: ``device/NAME``."""

    forwarding: Forwarding = Field(
        frozenset(), description="true: a router; false: a host; or by family, as in {ipv4: true, ipv6: false}."
    )
    interfaces: dict[InterfaceName, InterfaceText] = Field({}, description="Interfaces by name.")
    routes: list[RouteText] = Field([], description="Routes beside the connected ones.")
    filters: list[FilterText] = Field([], description="Filter rules, the first match first.")
    nat: list[NatText] = Field([], description="Rules of address translation, the first match first.")
    rp_filter: Literal["off", "strict", "loose"] = Field(
        "off", description="Whether IPv4 sources must be reachable (loose), and by the same interface (strict)."
    )
    listen: list[Listen] = Field([], description="What answers on it, such as tcp/80.")
    icmp_rate_limit: bool = Field(False, description="true: ICMP errors are limited as Linux limits them.")
