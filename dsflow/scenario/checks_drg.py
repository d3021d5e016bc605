"""What must hold of dynamic routing gateways and their routes, and what their author should know."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.devices import InterfaceAddress
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway, Vcn
from dsflow.net.address import Address, Family, Prefix
from dsflow.scenario.checks_devices import is_no_host, unusable
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed
from dsflow.scenario.schema_cloud import DynamicRoutingGatewayText

__all__ = ["drg_addresses", "drg_links", "drg_next_hops_that_nobody_has", "drg_routes", "drgs"]


def drgs(topology: Topology) -> Iterator[tuple[Path, DynamicRoutingGateway]]:
    """Every dynamic routing gateway and where it is written."""
    for name, gateway in topology.gateways.items():
        if isinstance(gateway, DynamicRoutingGateway):
            yield ("gateways", name), gateway


def drg_links(topology: Topology, parsed: Parsed) -> None:
    """Its far side is on a link that exists."""
    for path, gateway in drgs(topology):
        if gateway.link not in topology.links and not parsed.is_set_aside("links", gateway.link):
            parsed.report_unknown((*path, "link"), gateway.link, "link", topology.links)


def drg_addresses(topology: Topology, parsed: Parsed) -> None:
    """Each address is one that a host can have, outside every VCN."""
    for path, gateway in drgs(topology):
        for at, entry in enumerate(gateway.addresses):
            here = (*path, "addresses", at)
            if why := unusable(entry.address):
                parsed.report(here, f'"{entry}", which is {why}', "an address that a host can have")
            elif why := is_no_host(entry):
                parsed.report(here, f'"{entry}", which is {why} of {entry.prefix}', "an address that a host can have")
            _check_outside(here, entry, topology, parsed)


def _check_outside(path: Path, entry: InterfaceAddress, topology: Topology, parsed: Parsed) -> None:
    for vcn in topology.vcns.values():
        for prefix in vcn.prefixes(entry.address.family):
            if prefix.overlaps(entry.prefix):
                found = f'"{entry}", whose prefix overlaps {prefix} of VCN {vcn.name}'
                parsed.report(path, found, "a prefix outside every VCN")


def drg_routes(topology: Topology, parsed: Parsed) -> None:
    """Each destination is written once, outside the VCN, by a neighbour on the far side's link."""
    for path, gateway in drgs(topology):
        first: dict[Prefix, str] = {}
        for written, via in _written(gateway, parsed).items():
            here = (*path, "routes", written)
            try:
                to = Prefix.parse(written)
            except ValueError as error:
                parsed.report(here, str(error), "a prefix")
                continue
            if (earlier := first.setdefault(to, written)) != written:
                parsed.report(here, f'"{written}", the same prefix as "{earlier}"', "every destination once")
            _check_destination(here, to, topology.vcns.get(gateway.vcn), parsed)
            _check_next_hop(here, to, via, gateway, parsed)


def _written(gateway: DynamicRoutingGateway, parsed: Parsed) -> dict[str, Address]:
    text = parsed.text.gateways[gateway.name]
    assert isinstance(text, DynamicRoutingGatewayText)
    return text.routes


def _check_destination(path: Path, to: Prefix, vcn: Vcn | None, parsed: Parsed) -> None:
    if vcn is not None and any(to in prefix for prefix in vcn.prefixes(to.family)):
        parsed.report(path, f'"{to}", which is inside VCN {vcn.name}', "a prefix of the on-premises network")


def _check_next_hop(path: Path, to: Prefix, via: Address, gateway: DynamicRoutingGateway, parsed: Parsed) -> None:
    near = [entry for entry in gateway.addresses if entry.address.family is to.family]
    if via.family is not to.family:
        parsed.report(path, f'"{via}"', f"an {to.family.title} address, as {to} is")
    elif any(via == entry.address for entry in near):
        parsed.report(path, f'"{via}", an address of {gateway.id} itself', "the address of a neighbour")
    elif not any(via in entry.prefix for entry in near):
        has = " or ".join(str(entry.prefix) for entry in near) or f"which has no {to.family.title} prefix"
        parsed.report(path, f'"{via}"', f"an address on link {gateway.link} ({has})")


def drg_next_hops_that_nobody_has(topology: Topology, parsed: Parsed) -> None:
    """A route by an address that no device on the link has leads nowhere."""
    for path, gateway in drgs(topology):
        there = set(_addresses_on(gateway.link, topology))
        for written, via in _written(gateway, parsed).items():
            if via not in there:
                parsed.note((*path, "routes", written), f"nobody on link {gateway.link} has {via}")


def _addresses_on(link: str, topology: Topology) -> Iterator[Address]:
    """What is answered for on a link; in IPv4 a machine answers for all that it has."""
    for device in topology.devices.values():
        for interface in device.interfaces.values():
            if interface.link == link:
                yield from device.addresses(Family.IPV4)
                yield from (entry.address for entry in interface.in_family(Family.IPV6))
    for _, gateway in drgs(topology):
        if gateway.link == link:
            yield from (entry.address for entry in gateway.addresses)
