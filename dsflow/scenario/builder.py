"""Text models to the model: references resolved, every problem of the scenario told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from dsflow.errors import ScenarioError
from dsflow.model.cluster import Namespace, Node, Pod
from dsflow.model.internet import Access, InternetHost
from dsflow.model.question import Expectation, Flow
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.model.topology import Profile, Topology
from dsflow.model.vcn import (
    DrgRoute,
    DynamicRoutingGateway,
    Gateway,
    InternetGateway,
    Ipv6Prefix,
    NatGateway,
    Origin,
    RouteRule,
    RouteTable,
    ServiceGateway,
    Subnet,
    Vcn,
)
from dsflow.net.address import Family, Prefix
from dsflow.scenario import checks
from dsflow.scenario.builder_devices import build_device, build_link
from dsflow.scenario.checks_private_ip import target_of
from dsflow.scenario.checks_vcn import destination_of
from dsflow.scenario.document import Document, show
from dsflow.scenario.parsed import Parsed, parse
from dsflow.scenario.placement import Placement
from dsflow.scenario.schema import (
    DynamicRoutingGatewayText,
    ExpectationText,
    FlowText,
    GatewayText,
    InternetGatewayText,
    NatGatewayText,
    ServiceText,
)

__all__ = ["build"]

_HEADER_BYTES = {"ipv4": 20, "ipv6": 40, "tcp": 20, "udp": 8, "icmp": 8}
_CLAIMS = ("disposition", "path_type", "nat", "round_trip")


def build(document: Document) -> Topology:
    """The network that a scenario describes, every reference resolved and checked.

    Raises
    ------
    ScenarioError
        With all problems, in the order of the text.
    """
    parsed = parse(document)
    topology = _Builder(parsed).topology()
    checks.run(topology, parsed)
    if parsed.problems:
        raise ScenarioError(sorted(parsed.problems, key=lambda problem: (problem.file, problem.line or 0)))
    return _with_findings(topology, parsed)


def _with_findings(topology: Topology, parsed: Parsed) -> Topology:
    return replace(topology, findings=tuple(parsed.findings))


class _Builder:
    """Records from text models, kind by kind; what cannot be resolved is reported and left empty."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._text = parsed.text
        self._source = parsed.document.source

    def topology(self) -> Topology:
        text = self._text
        subnets = {name: self._subnet(name) for name in text.subnets}
        self._placement = Placement(self._parsed, subnets)
        flows = enumerate(text.flows)
        expectations = enumerate(text.expect)
        return Topology(
            name=text.name,
            profile=Profile(text.profile),
            description=text.description,
            vcns={name: self._vcn(name) for name in text.vcns},
            gateways={name: self._gateway(name, gateway) for name, gateway in text.gateways.items()},
            route_tables={name: self._route_table(name) for name in text.route_tables},
            subnets=subnets,
            nodes={name: self._node(name) for name in text.nodes},
            namespaces=self._namespaces(),
            pods={name: self._pod(name) for name in text.pods},
            services={name: self._service(name, service) for name, service in text.services.items()},
            load_balancers={name: self._load_balancer(name) for name in text.load_balancers},
            internet={name: self._internet_host(name) for name in text.internet},
            links={name: build_link(name, self._source) for name in text.links},
            devices={name: build_device(name, device, self._source) for name, device in text.devices.items()},
            flows=tuple(self._flow(("flows", self._parsed.position("flows", i)), flow) for i, flow in flows),
            expect=tuple(self._expectation(i, expectation) for i, expectation in expectations),
        )

    def _vcn(self, name: str) -> Vcn:
        text = self._text.vcns[name]
        ipv6 = tuple(
            Ipv6Prefix(entry.prefix, Origin(entry.origin), self._source(("vcns", name, "ipv6", index)))
            for index, entry in enumerate(text.ipv6)
        )
        return Vcn(name=name, ipv4=tuple(text.ipv4), ipv6=ipv6, source=self._source(("vcns", name)))

    def _vcn_of(self, collection: str, name: str, given: str | None) -> str:
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

    def _gateway(self, name: str, text: GatewayText) -> Gateway:
        vcn = self._vcn_of("gateways", name, text.vcn)
        source = self._source(("gateways", name))
        if isinstance(text, InternetGatewayText):
            return InternetGateway(name=name, vcn=vcn, enabled=text.enabled, source=source)
        if isinstance(text, NatGatewayText):
            return NatGateway(name=name, vcn=vcn, public_ipv4=text.public_ipv4, enabled=text.enabled, source=source)
        if isinstance(text, DynamicRoutingGatewayText):
            return self._drg(name, text, vcn)
        services = tuple((label, tuple(prefixes)) for label, prefixes in text.services.items())
        return ServiceGateway(name=name, vcn=vcn, services=services, enabled=text.enabled, source=source)

    def _drg(self, name: str, text: DynamicRoutingGatewayText, vcn: str) -> DynamicRoutingGateway:
        path = ("gateways", name)
        routes = []
        for prefix, via in text.routes.items():
            with suppress(ValueError):  # reported by the check of all routes
                to = Prefix.parse(prefix)
                routes.append(DrgRoute(to=to, via=via, source=self._source((*path, "routes", prefix))))
        return DynamicRoutingGateway(
            name=name,
            vcn=vcn,
            link=text.link,
            addresses=tuple(text.addresses),
            routes=tuple(routes),
            enabled=text.enabled,
            source=self._source(path),
        )

    def _route_table(self, name: str) -> RouteTable:
        text = self._text.route_tables[name]
        return RouteTable(
            name=name,
            vcn=self._vcn_of("route_tables", name, text.vcn),
            rules=tuple(self._route_rules(name, text.rules)),
            source=self._source(("route_tables", name)),
        )

    def _route_rules(self, table: str, rules: Mapping[str, str]) -> Iterator[RouteRule]:
        for text, target in rules.items():
            # A destination that is no prefix, or a target that is no address, is reported by the check of all rules.
            with suppress(ValueError):
                source = self._source(("route_tables", table, "rules", text))
                yield RouteRule(destination=destination_of(text), target=target_of(target), source=source)

    def _subnet(self, name: str) -> Subnet:
        text = self._text.subnets[name]
        return Subnet(
            name=name,
            vcn=self._vcn_of("subnets", name, text.vcn),
            ipv4=text.ipv4,
            ipv6=tuple(text.ipv6),
            public=text.access == "public",
            route_table=text.route_table,
            source=self._source(("subnets", name)),
        )

    def _node(self, name: str) -> Node:
        text = self._text.nodes[name]
        subnet = self._placement.subnet_of(("nodes", name), text.subnet, text.ipv4, text.ipv6)
        return Node(
            name=name,
            subnet=subnet,
            ipv4=text.ipv4,
            ipv6=text.ipv6,
            public_ipv4=text.public_ipv4,
            availability_domain=text.availability_domain,
            listen=tuple(text.listen),
            source=self._source(("nodes", name)),
        )

    def _namespaces(self) -> dict[str, Namespace]:
        """The namespaces listed, and those that pods and Services live in."""
        namespaces = {
            name: Namespace(name=name, labels=_labels(text.labels), source=self._source(("namespaces", name)))
            for name, text in self._text.namespaces.items()
        }
        for collection in ("pods", "services"):
            for qualified in getattr(self._text, collection):
                name = qualified.partition("/")[0]
                if name not in namespaces:
                    namespaces[name] = Namespace(name=name, source=self._source((collection, qualified)))
        return namespaces

    def _pod(self, qualified: str) -> Pod:
        text = self._text.pods[qualified]
        path = ("pods", qualified)
        namespace, _, name = qualified.partition("/")
        subnet = None
        if not text.host_network:
            subnet = self._placement.subnet_of(path, text.subnet, text.ipv4, text.ipv6)
        elif any(value is not None for value in (text.ipv4, text.ipv6, text.subnet)):
            self._parsed.report(path, "host_network: true beside addresses or a subnet", "one or the other")
        return Pod(
            namespace=namespace,
            name=name,
            node=text.node,
            subnet=subnet,
            ipv4=text.ipv4,
            ipv6=text.ipv6,
            host_network=text.host_network,
            labels=_labels(text.labels),
            listen=tuple(text.listen),
            ready=text.ready,
            terminating=text.terminating,
            source=self._source(path),
        )

    def _service(self, qualified: str, text: ServiceText) -> Service:
        namespace, _, name = qualified.partition("/")
        ports = tuple(
            ServicePort(
                protocol=port.protocol,
                port=port.port,
                target_port=port.target_port or port.port,
                name=port.name,
                node_port=port.node_port,
            )
            for port in text.ports
        )
        return Service(
            namespace=namespace,
            name=name,
            type=text.type,
            selector=_labels(text.selector),
            ports=ports,
            cluster_ipv4=text.cluster_ipv4,
            cluster_ipv6=text.cluster_ipv6,
            load_balancer=text.load_balancer,
            external_policy=text.external_traffic_policy,
            internal_policy=text.internal_traffic_policy,
            session_affinity=text.session_affinity,
            source=self._source(("services", qualified)),
        )

    def _load_balancer(self, name: str) -> LoadBalancer:
        text = self._text.load_balancers[name]
        path = ("load_balancers", name)
        return LoadBalancer(
            name=name,
            subnet=self._placement.subnet_of(path, text.subnet, text.ipv4, text.ipv6),
            ipv4=text.ipv4,
            public_ipv4=text.public_ipv4,
            ipv6=text.ipv6,
            source=self._source(path),
        )

    def _internet_host(self, name: str) -> InternetHost:
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

    def _flow(self, path: tuple[str, int], text: FlowText) -> Flow:
        if text.protocol == "icmp" and (text.sport is not None or text.dport is not None):
            self._parsed.report(path, "a port beside protocol: icmp", "no port")
        if text.protocol != "icmp" and text.dport is None:
            self._parsed.report(path, "no dport", f"a destination port for {text.protocol}")
        least = _HEADER_BYTES[text.family] + _HEADER_BYTES[text.protocol]
        if text.size is not None and text.size < least:
            self._parsed.report((*path, "size"), str(text.size), f"at least the {least} bytes of the headers")
        return Flow(
            origin=text.origin,
            target=text.target,
            family=Family.IPV4 if text.family == "ipv4" else Family.IPV6,
            protocol=text.protocol,
            sport=text.sport,
            dport=text.dport,
            ttl=text.ttl,
            size_bytes=text.size,
            dont_fragment=text.df,
            source_address=None if text.source is None else str(text.source),
        )

    def _expectation(self, index: int, text: ExpectationText) -> Expectation:
        path = ("expect", self._parsed.position("expect", index))
        expected = tuple((key, getattr(text, key)) for key in _CLAIMS if key in text.model_fields_set)
        if not expected:
            self._parsed.report(path, "nothing that must hold", f"at least one of {', '.join(_CLAIMS)}")
        for key, value in expected:
            if value is None and key in ("disposition", "nat"):
                self._parsed.report((*path, key), show(None), f"a {key}, or no such key")
        return Expectation(flow=self._flow(path, text), expected=expected, source=self._source(path))


def _labels(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))
