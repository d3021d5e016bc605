"""What must hold of links and of the interfaces of generic devices, and what their author should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dsflow.model.devices import IPV6_LEAST_MTU_BYTES, GenericDevice, InterfaceAddress
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway, Subnet
from dsflow.net.address import Address, Family, Prefix
from dsflow.scenario.document import Path, show
from dsflow.scenario.parsed import Parsed
from dsflow.scenario.placement import is_reserved
from dsflow.scenario.schema_devices import InterfaceText

__all__ = [
    "device_addresses",
    "device_names",
    "interface_addresses",
    "interface_links",
    "is_no_host",
    "is_of_every_loopback",
    "links_without_two_ends",
    "mtus_without_ipv6",
    "prefixes_of_two_interfaces",
    "router_anycast_addresses",
    "unusable",
]

_LOOPBACK = "lo"
_SUBNET = "subnet/"
_VNIC_MTU_BYTES = 9000
_KERNELS_OWN_NAMES = ("all", "default")
"""Entries of /proc/sys/net/ipv4/conf that are no interfaces."""

_EVERY_LOOPBACK = (Prefix.parse("127.0.0.0/8"), Prefix.parse("::1/128"))

_UNUSABLE = {
    Prefix.parse("0.0.0.0/8"): "this network (RFC 1122 section 3.2.1.3)",
    Prefix.parse("127.0.0.0/8"): "loopback (RFC 1122 section 3.2.1.3)",
    Prefix.parse("169.254.0.0/16"): "link-local (RFC 3927), which is not modelled",
    Prefix.parse("224.0.0.0/4"): "multicast (RFC 5771)",
    Prefix.parse("240.0.0.0/4"): "reserved (RFC 1112), which is not modelled",
    Prefix.parse("::/128"): "the unspecified address (RFC 4291)",
    Prefix.parse("::1/128"): "loopback (RFC 4291)",
    Prefix.parse("::ffff:0:0/96"): "IPv4-mapped (RFC 4291)",
    Prefix.parse("fe80::/10"): "link-local (RFC 4291); every interface has one that needs no mention",
    Prefix.parse("ff00::/8"): "multicast (RFC 4291)",
}


def unusable(address: Address) -> str | None:
    """Why no interface of a device can have an address, or None.

    >>> unusable(Address.parse("224.0.0.1")), unusable(Address.parse("10.1.0.1"))
    ('multicast (RFC 5771)', None)
    """
    return next((what for prefix, what in _UNUSABLE.items() if address in prefix), None)


def is_of_every_loopback(interface: str, address: Address) -> bool:
    """Whether an address of ``lo`` is one that every machine has there, so that it says nothing."""
    return interface == _LOOPBACK and any(address in prefix for prefix in _EVERY_LOOPBACK)


def device_addresses(parsed: Parsed) -> Iterator[tuple[Path, InterfaceAddress]]:
    """Where each address of a device is written; without those that every machine has."""
    for name, device in parsed.text.devices.items():
        for key, interface in device.interfaces.items():
            for at, entry in enumerate(interface.addresses):
                if not is_of_every_loopback(key, entry.address):
                    yield ("devices", name, "interfaces", key, "addresses", at), entry


def device_names(_topology: Topology, parsed: Parsed) -> None:
    """A bare name stands for a device in questions, so it must not read as an address."""
    for name in parsed.text.devices:
        if name.replace(".", "").isdigit():
            parsed.report(("devices", name), f"the name {show(name)}, which reads as an address", "a letter in it")


def interface_links(topology: Topology, parsed: Parsed) -> None:
    """Every interface but ``lo`` is on a link or in a subnet that exists, and on none twice."""
    for name, device in parsed.text.devices.items():
        first: dict[str, str] = {}
        for key, interface in device.interfaces.items():
            path = ("devices", name, "interfaces", key)
            if key in _KERNELS_OWN_NAMES:
                parsed.report(path, f"the name {show(key)}, which Linux keeps for itself", "another name")
            if key == _LOOPBACK and interface.link is not None:
                parsed.report((*path, "link"), "a link of lo", "none: lo is the device's own")
            elif key != _LOOPBACK and interface.link is None:
                parsed.report(path, "no link", "one of links, or a subnet as subnet/NAME")
            elif interface.link is not None:
                _check_link((*path, "link"), interface.link, topology, parsed)
                _check_vnic(path, interface, parsed)
                if (earlier := first.setdefault(interface.link, key)) != key:
                    found = f"{show(interface.link)}, where {earlier} is already"
                    parsed.report((*path, "link"), found, "one interface of a device on a link; more is not modelled")


def _check_vnic(path: Path, interface: InterfaceText, parsed: Parsed) -> None:
    """What only a VNIC has, and what no VNIC has (docs.oracle.com Network/Troubleshoot/connectionhang.htm, 2024-10)."""
    in_subnet = (interface.link or "").startswith(_SUBNET)
    if interface.source_destination_check is not None and not in_subnet:
        found = "source_destination_check on an interface that is no VNIC"
        parsed.report((*path, "source_destination_check"), found, "such a key in a subnet only")
    if interface.route_table is not None and not in_subnet:
        found = "route_table on an interface that is no VNIC"
        parsed.report((*path, "route_table"), found, "such a key in a subnet only")
    if in_subnet and interface.mtu is not None and interface.mtu > _VNIC_MTU_BYTES:
        parsed.report((*path, "mtu"), str(interface.mtu), f"at most {_VNIC_MTU_BYTES}, which a VNIC carries")


def _check_link(path: Path, link: str, topology: Topology, parsed: Parsed) -> None:
    collection, what = ("subnets", "subnet") if link.startswith(_SUBNET) else ("links", "link")
    name = link.removeprefix(_SUBNET)
    known = getattr(topology, collection)
    if name not in known and not parsed.is_set_aside(collection, name):
        prefix = _SUBNET if collection == "subnets" else ""
        parsed.report_unknown(path, link, what, [f"{prefix}{entry}" for entry in known])


def interface_addresses(topology: Topology, parsed: Parsed) -> None:
    """Each address is one that a host can have, on ``lo`` alone, in a subnet one of the subnet's."""
    for path, entry in device_addresses(parsed):
        _, name, _, key, _, _ = path
        subnet = _subnet_of(topology.devices[str(name)], str(key), topology)
        if why := unusable(entry.address):
            parsed.report(path, f'"{entry}", which is {why}', "an address that a host can have")
        elif key == _LOOPBACK and entry.prefix.length != entry.address.family.bits:
            parsed.report(
                path, f'"{entry}" on lo', f"a prefix length of {entry.address.family.bits}; more is not modelled"
            )
        elif subnet is not None:
            _check_in_subnet(path, entry, subnet, parsed)
        elif why := is_no_host(entry):
            parsed.report(path, f'"{entry}", which is {why} of {entry.prefix}', "an address that a host can have")


def _subnet_of(device: GenericDevice, interface: str, topology: Topology) -> Subnet | None:
    return topology.subnets.get(device.interfaces[interface].subnet or "")


def is_no_host(entry: InterfaceAddress) -> str | None:
    """Why no host has an address: two of an IPv4 prefix are its own (RFC 1122 section 3.2.1.3), but for /31 (RFC 3021).

    >>> address = Address.parse("10.1.0.255")
    >>> is_no_host(InterfaceAddress(address=address, prefix=Prefix.around(address, 24)))
    'the broadcast address'
    """
    if entry.address.family is Family.IPV6 or entry.prefix.length >= 31:
        return None
    ends = {entry.prefix.first: "the network address", entry.prefix.last: "the broadcast address"}
    return ends.get(entry.address.value)


def _check_in_subnet(path: Path, entry: InterfaceAddress, subnet: Subnet, parsed: Parsed) -> None:
    family = entry.address.family
    around = next((prefix for prefix in subnet.prefixes(family) if entry.address in prefix), None)
    if around is None:
        has = " or ".join(map(str, subnet.prefixes(family))) or f"which has no {family.title} prefix"
        parsed.report(path, f'"{entry}"', f"an address of subnet {subnet.name} ({has})")
    elif entry.prefix not in around:
        parsed.report(path, f'"{entry}"', f"a prefix length of {around.length} or more, as subnet {subnet.name} has")
    elif is_reserved(entry.address, around):
        parsed.report(path, f'"{entry}", which OCI reserves in {around}', "another address of the subnet")


def prefixes_of_two_interfaces(_topology: Topology, parsed: Parsed) -> None:
    """The same prefix is on-link at one interface only."""
    first: dict[tuple[str | int, Prefix], str | int] = {}
    for path, entry in device_addresses(parsed):
        _, name, _, key, _, _ = path
        if key == _LOOPBACK or entry.prefix.length == entry.address.family.bits:
            continue
        if (earlier := first.setdefault((name, entry.prefix), key)) != key:
            found = f'"{entry}", whose prefix is on {earlier} too'
            parsed.report(path, found, "a prefix of its own; the same on two interfaces is not modelled")


def links_without_two_ends(topology: Topology, parsed: Parsed) -> None:
    """A link that leads from nowhere or to nowhere."""
    ends = Counter(interface.link for device in topology.devices.values() for interface in device.interfaces.values())
    ends.update(gateway.link for gateway in topology.gateways.values() if isinstance(gateway, DynamicRoutingGateway))
    for name in topology.links:
        if ends[name] < 2:
            parsed.note(("links", name), "only one interface is on it" if ends[name] else "no interface is on it")


def mtus_without_ipv6(topology: Topology, parsed: Parsed) -> None:
    """Linux takes IPv6 off an interface with an MTU below 1280 (net/ipv6/addrconf.c)."""
    for name, device in topology.devices.items():
        for key, interface in device.interfaces.items():
            has_ipv6 = any(entry.address.family is Family.IPV6 for entry in interface.addresses)
            if has_ipv6 and not interface.carries(Family.IPV6):
                note = (
                    f"IPv6 is off on this interface, as in Linux: {interface.mtu_bytes} is below {IPV6_LEAST_MTU_BYTES}"
                )
                parsed.note(("devices", name, "interfaces", key, "mtu"), note)


def router_anycast_addresses(_topology: Topology, parsed: Parsed) -> None:
    """The first address of an IPv6 prefix is that of all its routers (RFC 4291 section 2.6.1, RFC 6164)."""
    for path, entry in device_addresses(parsed):
        first = entry.address.family is Family.IPV6 and entry.address.value == entry.prefix.first
        if first and entry.prefix.length < 127:
            note = f'"{entry}" is the anycast address of the routers of {entry.prefix}; Linux takes it as any other'
            parsed.note(path, note)
