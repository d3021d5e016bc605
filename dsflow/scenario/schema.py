"""What a scenario's text may hold, key by key; with its neighbours the one door to pydantic.

The models here are the text's shape and nothing else; what their names refer to, and whether the
network they describe can exist, is checked in :mod:`dsflow.scenario.build`.  pydantic finds every
misfit at once; :mod:`dsflow.scenario.misfit` puts each in dsflow's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field, ValidationError

from dsflow.scenario.schema_cloud import GatewayText, InternetHostText, RouteTableText, SubnetText, VcnText
from dsflow.scenario.schema_cluster import LoadBalancerText, NamespaceText, NodeText, PodText, ServiceText
from dsflow.scenario.schema_devices import DeviceText, LinkText
from dsflow.scenario.schema_questions import ExpectationText, FlowText
from dsflow.scenario.schema_security import NetworkPolicyText, NsgText, SecurityListText
from dsflow.scenario.schema_types import AnyPrefix, DeviceName, Name, Namespace, Prose, QualifiedName, Text

__all__ = ["ScenarioText", "json_schema", "validate"]


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
    assumptions: dict[Name, Name] = Field(
        {}, description="What is taken to hold where no source tells, by the ids that dsflow assumptions lists."
    )
    vcns: dict[Name, VcnText] = Field({}, description="Virtual cloud networks by name.")
    gateways: dict[Name, GatewayText] = Field(
        {}, description="Internet, NAT, service and dynamic routing gateways by name."
    )
    route_tables: dict[Name, RouteTableText] = Field({}, description="Route tables by name.")
    subnets: dict[Name, SubnetText] = Field({}, description="Subnets by name.")
    security_lists: dict[Name, SecurityListText] = Field({}, description="Security lists by name.")
    nsgs: dict[Name, NsgText] = Field({}, description="Network security groups by name.")
    nodes: dict[Name, NodeText] = Field({}, description="Worker nodes by name.")
    namespaces: dict[Namespace, NamespaceText] = Field({}, description="Namespaces by name, for their labels.")
    pods: dict[QualifiedName, PodText] = Field({}, description="Pods by NAMESPACE/NAME.")
    service_ranges: list[AnyPrefix] = Field(
        [], description="The ranges of ClusterIPs, at most one of each family; left out: not described."
    )
    services: dict[QualifiedName, ServiceText] = Field({}, description="Services by NAMESPACE/NAME.")
    network_policies: dict[QualifiedName, NetworkPolicyText] = Field(
        {}, description="NetworkPolicies by NAMESPACE/NAME."
    )
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
