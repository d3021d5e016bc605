"""What must hold of VCNs, subnets, route tables and gateways.

Sources: docs.oracle.com, Network/Concepts/ipv6.htm (read 2026-09) for prefixes, Network/Tasks/
managingroutetables.htm (read 2025-03) and managingIGs.htm (read 2026-09) for routes and gateways.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsflow.model.topology import Topology
from dsflow.model.vcn import (
    PRIVATE_IP,
    DynamicRoutingGateway,
    Gateway,
    InternetGateway,
    Origin,
    ServiceGateway,
    Subnet,
    Vcn,
)
from dsflow.net.address import Family, Prefix
from dsflow.scenario.checks_private_ip import check_private_ip
from dsflow.scenario.document import Path, dotted
from dsflow.scenario.parsed import Parsed

__all__ = [
    "NEVER_A_HOST",
    "destination_of",
    "gateway_count",
    "overlapping_subnets",
    "overlapping_vcns",
    "route_rules",
    "service_labels",
    "subnet_prefixes",
    "vcn_prefixes",
]

UNIQUE_LOCAL = Prefix.parse("fc00::/7")
"""Never routed on the Internet (RFC 4193 section 4.1)."""

NEVER_A_HOST = tuple(
    map(
        Prefix.parse,
        ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8"),
    )
)
"""This host, loopback, link-local, multicast and reserved: no VNIC and no Internet host has one (RFC 6890)."""

_ONE_PER_VCN = {
    InternetGateway: "Internet gateway",
    ServiceGateway: "service gateway",
    DynamicRoutingGateway: "dynamic routing gateway",
}


def vcn_prefixes(topology: Topology, parsed: Parsed) -> None:
    """The length of each prefix, and that its origin can be true."""
    for name, vcn in topology.vcns.items():
        for index, prefix in enumerate(vcn.ipv4):
            path = ("vcns", name, "ipv4", index)
            if not 16 <= prefix.length <= 30:
                parsed.report(path, f'"{prefix}"', "a prefix length of 16-30")
            _check_kind(path, prefix, parsed)
        _ipv6_prefixes(vcn, parsed)


def _ipv6_prefixes(vcn: Vcn, parsed: Parsed) -> None:
    oracle = [index for index, entry in enumerate(vcn.ipv6) if entry.origin is Origin.ORACLE_GUA]
    for index in oracle[1:]:
        parsed.report(("vcns", vcn.name, "ipv6", index), "a second oracle-gua prefix", "at most one in a VCN")
    for index, entry in enumerate(vcn.ipv6):
        path = ("vcns", vcn.name, "ipv6", index, "prefix")
        found = f'"{entry.prefix}" with origin {entry.origin}'
        if entry.origin is Origin.ORACLE_GUA and entry.prefix.length != 56:
            parsed.report(path, found, "a /56, which is what Oracle assigns")
        elif entry.prefix.length > 64:
            parsed.report(path, found, "a prefix of /64 or shorter")
        if entry.origin.is_global and entry.prefix in UNIQUE_LOCAL:
            parsed.report(path, found, "origin ula, since the Internet never routes fc00::/7 (RFC 4193)")
        _check_kind(path, entry.prefix, parsed)


def _check_kind(path: Path, prefix: Prefix, parsed: Parsed) -> None:
    for never in NEVER_A_HOST:
        if prefix.overlaps(never):
            parsed.report(path, f'"{prefix}", which overlaps {never}', "a range that hosts can have")


def overlapping_vcns(topology: Topology, parsed: Parsed) -> None:
    """No two prefixes of any VCNs overlap."""
    entries: list[tuple[Prefix, Path]] = []
    for name, vcn in topology.vcns.items():
        entries += [(prefix, ("vcns", name, "ipv4", index)) for index, prefix in enumerate(vcn.ipv4)]
        entries += [(entry.prefix, ("vcns", name, "ipv6", index)) for index, entry in enumerate(vcn.ipv6)]
    _report_overlaps(entries, parsed)


def overlapping_subnets(topology: Topology, parsed: Parsed) -> None:
    """No two subnets of a VCN overlap."""
    by_vcn: dict[str, list[tuple[Prefix, Path]]] = {}
    for subnet in topology.subnets.values():
        by_vcn.setdefault(subnet.vcn, []).extend(_prefixes_with_paths(subnet))
    for entries in by_vcn.values():
        _report_overlaps(entries, parsed)


def _prefixes_with_paths(subnet: Subnet) -> list[tuple[Prefix, Path]]:
    entries: list[tuple[Prefix, Path]] = [
        (prefix, ("subnets", subnet.name, "ipv6", index)) for index, prefix in enumerate(subnet.ipv6)
    ]
    if subnet.ipv4 is not None:
        entries.insert(0, (subnet.ipv4, ("subnets", subnet.name, "ipv4")))
    return entries


def _report_overlaps(entries: Iterable[tuple[Prefix, Path]], parsed: Parsed) -> None:
    """In order of first address, a prefix overlaps an earlier one exactly if it lies in the widest of them."""
    widest: tuple[Prefix, Path] | None = None
    for prefix, path in sorted(entries, key=lambda entry: (entry[0].family, entry[0].first, entry[0].length)):
        if widest is not None and prefix in widest[0]:
            other = f"{widest[0]} of {dotted(widest[1])} ({parsed.document.source(widest[1])})"
            parsed.report(path, f'"{prefix}", which overlaps {other}', "prefixes that do not overlap")
        else:
            widest = prefix, path


def subnet_prefixes(topology: Topology, parsed: Parsed) -> None:
    """A subnet has a prefix, its IPv6 prefixes are /64, and all lie in its VCN."""
    for name, subnet in topology.subnets.items():
        if not _prefixes_with_paths(subnet):
            parsed.report(("subnets", name), "no prefix", "ipv4, ipv6 or both")
        vcn = topology.vcns.get(subnet.vcn)
        for prefix, path in _prefixes_with_paths(subnet):
            if prefix.family is Family.IPV6 and prefix.length != 64:
                parsed.report(path, f'"{prefix}"', "a /64, the only size of an IPv6 subnet")
            if vcn is not None:
                _check_inside(prefix, path, vcn, parsed)


def _check_inside(prefix: Prefix, path: Path, vcn: Vcn, parsed: Parsed) -> None:
    around = vcn.prefixes(prefix.family)
    if not any(prefix in whole for whole in around):
        has = " or ".join(map(str, around)) or f"which has no {prefix.family.title} prefix"
        parsed.report(path, f'"{prefix}"', f"a prefix inside VCN {vcn.name} ({has})")


def gateway_count(topology: Topology, parsed: Parsed) -> None:
    """A VCN has one Internet, one service and one dynamic routing gateway at most; NAT gateways may be several."""
    first: dict[tuple[type, str], str] = {}
    for name, gateway in topology.gateways.items():
        kind = type(gateway)
        earlier = first.setdefault((kind, gateway.vcn), name)
        if kind in _ONE_PER_VCN and earlier != name:
            found = f"a second {_ONE_PER_VCN[kind]} beside gateways.{earlier}"
            parsed.report(("gateways", name), found, "at most one in a VCN")


def service_labels(topology: Topology, parsed: Parsed) -> None:
    """The prefixes behind a service gateway lie outside its VCN, which would win."""
    for name, gateway in topology.gateways.items():
        vcn = topology.vcns.get(gateway.vcn)
        if not isinstance(gateway, ServiceGateway) or vcn is None:
            continue
        for label, prefixes in gateway.services:
            for index, prefix in enumerate(prefixes):
                if any(prefix.overlaps(own) for own in vcn.ipv4):
                    path = ("gateways", name, "services", label, index)
                    parsed.report(path, f'"{prefix}"', f"a prefix outside VCN {vcn.name}")


def route_rules(topology: Topology, parsed: Parsed) -> None:
    """Each destination is written once, to a gateway of the table's VCN that takes such destinations."""
    gateways = {gateway.id: gateway for gateway in topology.gateways.values()}
    for name, table in parsed.text.route_tables.items():
        first: dict[Prefix | str, str] = {}
        for text, target in table.rules.items():
            path = ("route_tables", name, "rules", text)
            try:
                destination = destination_of(text)
            except ValueError as error:
                parsed.report(path, str(error), "a prefix or a service label")
                continue
            if (earlier := first.setdefault(destination, text)) != text:
                parsed.report(path, f'"{text}", the same prefix as "{earlier}"', "every destination once")
            if target.startswith(PRIVATE_IP):
                check_private_ip(path, destination, target, topology.route_tables[name].vcn, topology, parsed)
            elif gateway := gateways.get(target):
                _rule_fits(path, destination, gateway, topology.route_tables[name].vcn, parsed)
            elif not parsed.is_set_aside("gateways", target.partition("/")[2]):
                parsed.report_unknown(path, target, "gateway", gateways)


def _rule_fits(path: Path, destination: Prefix | str, gateway: Gateway, vcn: str, parsed: Parsed) -> None:
    if gateway.vcn and vcn and gateway.vcn != vcn:
        parsed.report(path, f'"{gateway.id}", a gateway of VCN {gateway.vcn}', f"a gateway of VCN {vcn}")
    if isinstance(destination, str):
        labels = [label for label, _ in gateway.services] if isinstance(gateway, ServiceGateway) else []
        if destination not in labels:
            what = f"service label behind {gateway.id}"
            parsed.report_unknown(path, destination, what, labels)
    elif isinstance(gateway, ServiceGateway) and destination.family is Family.IPV4:
        parsed.report(path, f'"{destination}" to a service gateway', "a service label, the only destination it takes")


def destination_of(text: str) -> Prefix | str:
    """The prefix that a rule's destination is, or the service label.

    >>> destination_of("::/0"), destination_of("all-syd-services-in-oracle-services-network")
    (Prefix.parse('::/0'), 'all-syd-services-in-oracle-services-network')

    Raises
    ------
    ValueError
        For what is meant as a prefix and is none.
    """
    means_a_prefix = "/" in text or ":" in text or text.replace(".", "").isdigit()
    return Prefix.parse(text) if means_a_prefix else text
