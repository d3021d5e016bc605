"""VCNs, gateways, route tables, subnets and hosts on the Internet from their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TypedDict

from dsflow.model.internet import Access, InternetHost
from dsflow.model.vcn import (
    DrgRoute,
    DynamicRoutingGateway,
    Gateway,
    InternetGateway,
    Ipv6Prefix,
    LocalPeeringGateway,
    NatGateway,
    Origin,
    RouteRule,
    RouteTable,
    ServiceGateway,
    Subnet,
    Vcn,
)
from dsflow.net.address import Address, Prefix
from dsflow.scenario.checks_private_ip import target_of
from dsflow.scenario.checks_vcn import destination_of
from dsflow.scenario.parsed import Parsed
from dsflow.scenario.schema_cloud import (
    DynamicRoutingGatewayText,
    GatewayText,
    InternetGatewayText,
    LocalPeeringGatewayText,
    NatGatewayText,
    ServiceGatewayText,
)

__all__ = ["CloudBuilder"]


class _Common(TypedDict):
    """What every gateway says."""

    name: str
    vcn: str
    enabled: bool
    route_table: str | None
    source: str


class CloudBuilder:
    """Records of the cloud, kind by kind; what cannot be resolved is reported and left empty."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._text = parsed.text
        self._source = parsed.document.source

    def vcn(self, name: str) -> Vcn:
        """The VCN of this name."""
        text = self._text.vcns[name]
        ipv6 = tuple(
            Ipv6Prefix(entry.prefix, Origin(entry.origin), self._source(("vcns", name, "ipv6", index)))
            for index, entry in enumerate(text.ipv6)
        )
        return Vcn(name=name, ipv4=tuple(text.ipv4), ipv6=ipv6, source=self._source(("vcns", name)))

    def vcn_of(self, collection: str, name: str, given: str | None) -> str:
        """The VCN named, or the only one there is."""
        vcns = self._text.vcns
        if given is None and (len(vcns) == 1 or self._parsed.is_set_aside("vcns")):
            return next(iter(vcns), "")
        if given is None:
            known = ", ".join(vcns)
            found = f"no vcn, and there are {known}" if vcns else "no vcn, and there is none"
            self._parsed.report((collection, name), found, "the name of its VCN")
        elif given not in vcns and not self._parsed.is_set_aside("vcns", given):
            self._parsed.report_unknown((collection, name, "vcn"), given, "VCN", vcns)
        return given or ""

    def gateway(self, name: str, text: GatewayText) -> Gateway:
        """A gateway of any kind."""
        common = _Common(
            name=name,
            vcn=self.vcn_of("gateways", name, text.vcn),
            enabled=text.enabled,
            route_table=text.route_table,
            source=self._source(("gateways", name)),
        )
        match text:
            case InternetGatewayText():
                return InternetGateway(**common)
            case NatGatewayText():
                return NatGateway(**common, public_ipv4=text.public_ipv4)
            case ServiceGatewayText():
                services = tuple((label, tuple(prefixes)) for label, prefixes in text.services.items())
                return ServiceGateway(**common, services=services)
            case DynamicRoutingGatewayText():
                routes = tuple(self._drg_routes(name, text.routes))
                return DynamicRoutingGateway(**common, link=text.link, addresses=tuple(text.addresses), routes=routes)
            case LocalPeeringGatewayText():
                return LocalPeeringGateway(**common, peer=text.peer)

    def _drg_routes(self, name: str, routes: Mapping[str, Address]) -> Iterator[DrgRoute]:
        for prefix, via in routes.items():
            with suppress(ValueError):  # reported by the check of all routes
                to = Prefix.parse(prefix)
                yield DrgRoute(to=to, via=via, source=self._source(("gateways", name, "routes", prefix)))

    def route_table(self, name: str) -> RouteTable:
        """The route table of this name; rules that cannot be read are left out."""
        text = self._text.route_tables[name]
        return RouteTable(
            name=name,
            vcn=self.vcn_of("route_tables", name, text.vcn),
            rules=tuple(self._route_rules(name, text.rules)),
            source=self._source(("route_tables", name)),
        )

    def _route_rules(self, table: str, rules: Mapping[str, str]) -> Iterator[RouteRule]:
        for text, target in rules.items():
            # A destination that is no prefix, or a target that is no address, is reported by the check of all rules.
            with suppress(ValueError):
                source = self._source(("route_tables", table, "rules", text))
                yield RouteRule(destination=destination_of(text), target=target_of(target), source=source)

    def subnet(self, name: str) -> Subnet:
        """The subnet of this name."""
        text = self._text.subnets[name]
        return Subnet(
            name=name,
            vcn=self.vcn_of("subnets", name, text.vcn),
            ipv4=text.ipv4,
            ipv6=tuple(text.ipv6),
            public=text.access == "public",
            route_table=text.route_table,
            security_lists=None if text.security_lists is None else tuple(text.security_lists),
            source=self._source(("subnets", name)),
        )

    def internet_host(self, name: str) -> InternetHost:
        """The host of this name."""
        text = self._text.internet[name]
        return InternetHost(
            name=name,
            ipv4=text.ipv4,
            ipv6=text.ipv6,
            listen=tuple(text.listen),
            distance_km=float(text.distance_km),
            access=Access(text.access),
            source=self._source(("internet", name)),
        )
