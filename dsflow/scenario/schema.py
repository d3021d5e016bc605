"""What a scenario's text may hold, key by key; with its neighbours the one door to pydantic.

The models here are the text's shape and nothing else; what their names refer to, and whether the
network they describe can exist, is checked in :mod:`dsflow.scenario.build`.  pydantic finds every
misfit at once; :mod:`dsflow.scenario.misfit` puts each in dsflow's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainValidator, ValidationError, WithJsonSchema

from dsflow.scenario.document import show
from dsflow.scenario.schema_devices import AddressText, DeviceText, LinkText
from dsflow.scenario.schema_types import (
    AnyAddress,
    DeviceName,
    Ipv4,
    Ipv4Prefix,
    Ipv6,
    Ipv6PrefixText,
    Label,
    Listen,
    Name,
    Namespace,
    Port,
    Prose,
    QualifiedName,
    Text,
    Word,
)

__all__ = [
    "DynamicRoutingGatewayText",
    "ExpectationText",
    "FlowText",
    "GatewayText",
    "InternetGatewayText",
    "InternetHostText",
    "LoadBalancerText",
    "NamespaceText",
    "NatGatewayText",
    "NodeText",
    "PodText",
    "RouteTableText",
    "ScenarioText",
    "ServiceGatewayText",
    "ServicePortText",
    "ServiceText",
    "SubnetText",
    "VcnText",
    "json_schema",
    "validate",
]

Disposition: TypeAlias = Literal[
    "delivered", "left-model", "re-originated", "no-route", "blackholed", "prohibited", "unreachable-route",
    "scope-unroutable", "family-unavailable", "denied-egress", "denied-ingress", "denied-forward", "no-backend",
    "nat-exhausted", "gateway-disabled", "no-public-address", "source-check-failed", "not-forwarding", "too-big",
    "hop-limit-exceeded", "loop", "no-listener", "neighbor-unreachable", "malformed", "return-lost",
    "undetermined",
]  # fmt: skip

NAT_KINDS = (
    "service-dnat", "masquerade", "hairpin-masquerade", "public-ip-one-to-one", "gateway-snat",
    "load-balancer-dnat", "load-balancer-snat", "dnat", "snat",
)  # fmt: skip


def _nat(value: object) -> tuple[str, ...]:
    """The kinds of translation that an expectation names."""
    if value == "none":
        return ()
    if not isinstance(value, list):
        raise ValueError(show(value))
    for kind in value:
        if kind not in NAT_KINDS:
            raise ValueError(show(kind))
    return tuple(value)


Nat: TypeAlias = Annotated[
    tuple[str, ...],
    PlainValidator(_nat),
    WithJsonSchema(
        {
            "anyOf": [{"const": "none"}, {"type": "array", "items": {"enum": list(NAT_KINDS)}}],
            "x-expected": f"none or a list of {', '.join(NAT_KINDS)}",
        }
    ),
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


GatewayText: TypeAlias = Annotated[
    InternetGatewayText | NatGatewayText | ServiceGatewayText | DynamicRoutingGatewayText,
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


class NodeText(Text):
    """A worker node: the addresses of its primary VNIC."""

    ipv4: Ipv4 | None = Field(None, description="Its IPv4 address.")
    ipv6: Ipv6 | None = Field(None, description="Its IPv6 address.")
    public_ipv4: Ipv4 | None = Field(None, description="A public address, one to one, in a public subnet.")
    subnet: Name | None = Field(None, description="Its subnet; left out: the one that holds its addresses.")
    availability_domain: Word = Field("AD-1", description="Its availability domain.")
    listen: list[Listen] = Field([], description="What answers on it, such as tcp/22.")


class NamespaceText(Text):
    """A namespace; those that pods and Services name exist without being listed."""

    labels: dict[Label, Label] = Field({}, description="Its labels.")


class PodText(Text):
    """A pod, with its own addresses or its node's (``host_network``)."""

    node: Name = Field(description="The node that runs it.")
    ipv4: Ipv4 | None = Field(None, description="Its IPv4 address.")
    ipv6: Ipv6 | None = Field(None, description="Its IPv6 address.")
    subnet: Name | None = Field(None, description="Its subnet; left out: the one that holds its addresses.")
    host_network: bool = Field(False, description="true: it has its node's addresses and none of its own.")
    labels: dict[Label, Label] = Field({}, description="Its labels, for Services to select.")
    listen: list[Listen] = Field([], description="What answers in it, such as tcp/80.")
    ready: bool = Field(True, description="false: its readiness probe fails, so that Services leave it out.")
    terminating: bool = Field(
        False, description="true: it is being deleted; Services leave it out while another is ready."
    )


class ServicePortText(Text):
    """One port of a Service."""

    port: Port = Field(description="The port that clients use.")
    target_port: Port | None = Field(None, description="The port of the pods; left out: the same.")
    protocol: Literal["tcp", "udp"] = Field("tcp", description="tcp or udp.")
    name: Name | None = Field(None, description="Its name.")
    node_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Its port on every node; left out: one of 30000-32767 is chosen where one is needed."
    )


class ServiceText(Text):
    """A Kubernetes Service."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field("ClusterIP", description="Its type.")
    selector: dict[Label, Label] = Field({}, description="The labels that its pods bear, all of them.")
    ports: list[ServicePortText] = Field(min_length=1, description="Its ports.")
    load_balancer: Word | None = Field(None, description="The load balancer in front, such as lb/nginx.")
    cluster_ipv4: Ipv4 | None = Field(None, description="Its IPv4 ClusterIP.")
    cluster_ipv6: Ipv6 | None = Field(None, description="Its IPv6 ClusterIP.")
    external_traffic_policy: Literal["Cluster", "Local"] = Field(
        "Cluster", description="Where what comes from outside is led: Cluster or Local (to end points on the node)."
    )
    internal_traffic_policy: Literal["Cluster", "Local"] = Field(
        "Cluster", description="Where what the cluster asks of a ClusterIP is led: Cluster or Local."
    )
    session_affinity: Literal["None", "ClientIP"] = Field(
        "None", description="ClientIP leads all connections of a client to one end point, whatever their ports."
    )


class LoadBalancerText(Text):
    """A load balancer: ``lb/NAME``."""

    kind: Literal["flexible"] = Field("flexible", description="flexible: a proxy.")
    ipv4: Ipv4 = Field(description="Its private IPv4 address in the VCN.")
    public_ipv4: Ipv4 | None = Field(None, description="Its public IPv4 address; left out: a private one.")
    ipv6: Ipv6 | None = Field(None, description="Its IPv6 address.")
    subnet: Name | None = Field(None, description="Its subnet; left out: the one that holds its addresses.")


class InternetHostText(Text):
    """A host on the Internet: ``internet/NAME``."""

    ipv4: Ipv4 | None = Field(None, description="Its IPv4 address.")
    ipv6: Ipv6 | None = Field(None, description="Its IPv6 address.")
    listen: list[Listen] = Field([], description="What answers on it, such as tcp/443.")
    distance_km: float = Field(0.0, ge=0, le=20100, description="Great-circle distance from the region.")
    access: Literal["none", "fixed", "mobile"] = Field(
        "none", description="Its last mile: none (a data centre), fixed or mobile."
    )


class FlowText(Text):
    """A question: the first packet of a connection."""

    origin: Word = Field(
        alias="from", description="Who asks: an id such as pod/default/web, a device's name, or an address."
    )
    target: Word = Field(
        alias="to", description="Who is asked: an id such as internet/web, a device's name, or an address."
    )
    family: Literal["ipv4", "ipv6"] = Field(description="ipv4 or ipv6.")
    protocol: Literal["tcp", "udp", "icmp"] = Field("tcp", description="tcp, udp, or icmp (an echo).")
    sport: Port | None = Field(None, description="Source port; left out: 40000.")
    dport: Port | None = Field(None, description="Destination port; needed for tcp and udp.")
    ttl: int = Field(64, ge=1, le=255, description="TTL or hop limit of the first packet.")
    size: int | None = Field(None, ge=28, le=65535, description="The whole IP packet, in bytes.")
    df: bool | None = Field(None, description="IPv4's don't-fragment flag; left out: set on tcp only.")
    source: AnyAddress | None = Field(None, description="Source address, where the origin has several.")


class ExpectationText(FlowText):
    """A question and what must hold of its answer: at least one of the last four keys."""

    disposition: Disposition | None = Field(
        None,
        description="How the way there ends; delivered expects the answer too, unless round_trip is given.",
    )
    round_trip: Literal["delivered", "return-lost", "undetermined"] | None = Field(
        None, description="How the reply ends; null: none is due."
    )
    path_type: Literal["same-node", "cross-node", "ingress", "egress", "vcn-internal", "on-premises"] | None = Field(
        None, description="The path's type; null: there is no cluster."
    )
    nat: Nat | None = Field(None, description="none, or the kinds of translation applied, each named once.")


class ScenarioText(Text):
    """A whole scenario."""

    api_version: Literal["dsflow/v1"] = Field(alias="apiVersion", description="The version of this format.")
    name: Name = Field(description="The scenario's name.")
    profile: Literal["article", "as-built"] = Field(
        "article",
        description="Whose account of the cluster is simulated: the article's, or what OKE and kube-proxy build.",
    )
    description: Prose = Field("", description="What it shows, in prose.")
    base: str | None = Field(
        None,
        description="Another scenario (embedded name, or path relative to this file) that this one changes.",
        json_schema_extra={"x-expected": "the name or the path of another scenario"},
    )
    vcns: dict[Name, VcnText] = Field({}, description="Virtual cloud networks by name.")
    gateways: dict[Name, GatewayText] = Field(
        {}, description="Internet, NAT, service and dynamic routing gateways by name."
    )
    route_tables: dict[Name, RouteTableText] = Field({}, description="Route tables by name.")
    subnets: dict[Name, SubnetText] = Field({}, description="Subnets by name.")
    nodes: dict[Name, NodeText] = Field({}, description="Worker nodes by name.")
    namespaces: dict[Namespace, NamespaceText] = Field({}, description="Namespaces by name, for their labels.")
    pods: dict[QualifiedName, PodText] = Field({}, description="Pods by NAMESPACE/NAME.")
    services: dict[QualifiedName, ServiceText] = Field({}, description="Services by NAMESPACE/NAME.")
    load_balancers: dict[Name, LoadBalancerText] = Field({}, description="Load balancers by name.")
    internet: dict[Name, InternetHostText] = Field({}, description="Hosts on the Internet by name.")
    links: dict[Name, LinkText] = Field({}, description="Wires and LAN segments between generic devices, by name.")
    devices: dict[DeviceName, DeviceText] = Field({}, description="Generic routers and hosts by name.")
    flows: list[FlowText] = Field([], description="Questions that the scenario brings along.")
    expect: list[ExpectationText] = Field([], description="Questions, and what must hold of their answers.")


def validate(data: Mapping[str, object]) -> ScenarioText | list[Mapping[str, Any]]:
    """The text's models, or pydantic's list of everything that does not fit."""
    try:
        return ScenarioText.model_validate(data)
    except ValidationError as error:
        return [dict(entry) for entry in error.errors(include_url=False)]


@cache
def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a whole scenario, for editors and for messages.

    >>> json_schema()["title"], "pods" in json_schema()["properties"]
    ('dsflow scenario', True)
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dsflow scenario",
        **_tidied(ScenarioText.model_json_schema()),
    }


def _tidied(node: Any) -> Any:
    """The schema without pydantic's titles, which only repeat the keys, and closed to names of no known form."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _tidied(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    return kept | {"additionalProperties": False} if "patternProperties" in kept else kept
