"""What a scenario's text may hold of security: rules at VNICs, and NetworkPolicies."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from dsflow.net.address import Prefix
from dsflow.scenario.document import show
from dsflow.scenario.schema_types import AnyPrefix, Label, Name, Port, Ports, TargetPort, Text

__all__ = [
    "EgressRuleText",
    "ExpressionText",
    "IngressRuleText",
    "NetworkPolicyText",
    "NsgText",
    "PolicyPeerText",
    "PolicyPortText",
    "PolicyRuleText",
    "SecurityListText",
    "SecurityRuleText",
    "SelectorText",
]


def _peer(value: object) -> Prefix | str:
    """A prefix where it looks like one, else the name of a group or of Oracle services."""
    if not isinstance(value, str):
        raise ValueError(show(value))
    of_group = value.startswith("nsg/")
    return Prefix.parse(value) if not of_group and ("/" in value or ":" in value) else value


Peer: TypeAlias = Annotated[
    Prefix | str,
    PlainValidator(_peer),
    WithJsonSchema(
        {"type": "string", "x-expected": "a prefix, nsg/NAME, or the label of Oracle services at a service gateway"}
    ),
]

_NAMED = ("all", "tcp", "udp", "icmp", "icmpv6")
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


def _protocol(value: object) -> str:
    """A protocol by its name or number (IANA); by its name where it has one."""
    by_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255
    if not by_number and value not in _NAMED:
        raise ValueError(show(value))
    return _NAMES.get(str(value), str(value))


Protocol: TypeAlias = Annotated[
    str,
    PlainValidator(_protocol),
    WithJsonSchema(
        {
            "anyOf": [{"enum": list(_NAMED)}, {"type": "integer", "minimum": 0, "maximum": 255}],
            "x-expected": f"{', '.join(_NAMED)}, or a number of 0-255",
        }
    ),
]

Octet: TypeAlias = Annotated[int, Field(ge=0, le=255)]


class SecurityRuleText(Text):
    """What is allowed, seen from the VNIC."""

    protocol: Protocol = Field("all", description="all, tcp, udp, icmp, icmpv6, or the number of another.")
    sport: Ports | None = Field(None, description="Source port or range, of tcp and udp; left out: any.")
    dport: Ports | None = Field(None, description="Destination port or range, of tcp and udp; left out: any.")
    icmp_type: Octet | None = Field(None, description="Type, of icmp and icmpv6; left out: any.")
    icmp_code: Octet | None = Field(None, description="Code of that type; left out: any.")
    stateless: bool = Field(False, description="true: not tracked, so that answers need a rule of their own.")


class IngressRuleText(SecurityRuleText):
    """What may come in."""

    peer: Peer = Field(alias="from", description="The source: a prefix, nsg/NAME, or a service's label.")


class EgressRuleText(SecurityRuleText):
    """What may go out."""

    peer: Peer = Field(alias="to", description="The destination: a prefix, nsg/NAME, or a service's label.")


class SecurityListText(Text):
    """A security list: it applies to every VNIC of the subnets that name it."""

    vcn: Name | None = Field(None, description="Its VCN; may be left out where there is one VCN.")
    ingress: list[IngressRuleText] = Field([], description="What may come in; nothing else does.")
    egress: list[EgressRuleText] = Field([], description="What may go out; nothing else does.")


class NsgText(SecurityListText):
    """A network security group: it applies to the VNICs that are in it."""


class ExpressionText(Text):
    """A requirement of a label."""

    key: Label = Field(description="The label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(description="How it is judged.")
    values: list[Label] = Field([], description="The values, for In and NotIn.")


class SelectorText(Text):
    """A label selector; an empty one selects all."""

    match_labels: dict[Label, Label] = Field({}, description="Labels that must be there, all of them.")
    match_expressions: list[ExpressionText] = Field([], description="Requirements that must hold, all of them.")


class IpBlockText(Text):
    """A block of addresses of one family."""

    cidr: AnyPrefix = Field(description="The prefix.")
    exceptions: list[AnyPrefix] = Field([], alias="except", description="Prefixes inside it that are left out.")


class PolicyPeerText(Text):
    """Another end: a block of addresses, or pods by selectors."""

    ip_block: IpBlockText | None = Field(None, description="Addresses, of whomever they are.")
    namespace_selector: SelectorText | None = Field(
        None, description="Namespaces by their labels; left out: the policy's own."
    )
    pod_selector: SelectorText | None = Field(None, description="Pods in those namespaces; left out: all of them.")


class PolicyPortText(Text):
    """A port of the pod that is asked."""

    protocol: Literal["tcp", "udp"] = Field("tcp", description="tcp or udp.")
    port: TargetPort | None = Field(None, description="Its number or name; left out: every port.")
    end_port: Port | None = Field(None, description="The last port of a range that begins with port.")


class PolicyRuleText(Text):
    """What one rule lets through: any of these ends at any of these ports; left out: all."""

    ports: list[PolicyPortText] = Field([], description="Ports; none: all of every protocol.")


class PolicyIngressText(PolicyRuleText):
    """Who may come in."""

    peers: list[PolicyPeerText] = Field([], alias="from", description="Sources; none: all.")


class PolicyEgressText(PolicyRuleText):
    """To whom pods may go out."""

    peers: list[PolicyPeerText] = Field([], alias="to", description="Destinations; none: all.")


class NetworkPolicyText(Text):
    """A NetworkPolicy of Kubernetes (networking.k8s.io/v1)."""

    pod_selector: SelectorText = Field(
        default_factory=lambda: SelectorText(match_labels={}, match_expressions=[]),
        description="The pods of its namespace that it isolates; left out: all.",
    )
    policy_types: list[Literal["Ingress", "Egress"]] | None = Field(
        None,
        min_length=1,
        description="Sides that it isolates; left out: Ingress, and Egress where it has egress rules.",
    )
    ingress: list[PolicyIngressText] = Field([], description="Who may come in.")
    egress: list[PolicyEgressText] = Field([], description="To whom the pods may go out.")
