"""What a scenario's text may hold of questions, and of what must hold of their answers."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from dsflow.scenario.document import show
from dsflow.scenario.schema_types import AnyAddress, Port, Text, Word

__all__ = ["Disposition", "ExpectationText", "FlowText", "Nat"]


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
