"""What a scenario's text may hold of the cluster: nodes, namespaces, pods, Services and load balancers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from dsflow.scenario.schema_types import (
    AnyPrefix,
    Ipv4,
    Ipv6,
    Label,
    Listen,
    Name,
    Port,
    PortName,
    Prose,
    TargetPort,
    Text,
    Word,
)  # fmt: skip

__all__ = ["LoadBalancerText", "NamespaceText", "NodeText", "PodText", "ServicePortText", "ServiceText"]


class NodeText(Text):
    """A worker node: the addresses of its primary VNIC."""

    kind: Literal["managed", "virtual"] = Field(
        "managed",
        description="managed: it runs its pods; virtual: each of its pods is a machine with a VNIC and kube-proxy.",
    )
    ipv4: Ipv4 | None = Field(None, description="Its IPv4 address.")
    ipv6: Ipv6 | None = Field(None, description="Its IPv6 address.")
    public_ipv4: Ipv4 | None = Field(None, description="A public address, one to one, in a public subnet.")
    subnet: Name | None = Field(None, description="Its subnet; left out: the one that holds its addresses.")
    availability_domain: Word = Field("AD-1", description="Its availability domain.")
    labels: dict[Label, Label] = Field(
        {}, description="Its labels; where no node has any, all are taken to bear oci.oraclecloud.com/ip-family-ipv6."
    )
    listen: list[Listen] = Field([], description="What answers on it, such as tcp/22.")
    nsgs: list[Name] = Field([], description="Network security groups that its primary VNIC is in.")
    pod_nsgs: list[Name] = Field([], description="Network security groups that its pod VNICs are in.")
    route_table: Name | None = Field(
        None, description="The route table of its primary VNIC; left out: that of its subnet serves."
    )
    max_pods: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None,
        description="The most pods that its kubelet runs; left out: 110, as Kubernetes has it, of a virtual node 500.",
    )
    pod_vnics: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description="Its VNICs for pods, which bound the pods' addresses; left out: not known."
    )


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
    ports: dict[PortName, Listen] = Field(
        {}, description="Names of its containers' ports, such as {web: tcp/8080}; what answers there is said by listen."
    )
    ready: bool = Field(True, description="false: its readiness probe fails, so that Services leave it out.")
    terminating: bool = Field(
        False, description="true: it is being deleted; Services leave it out while another is ready."
    )
    route_table: Name | None = Field(
        None, description="The route table of its addresses; left out: that of its subnet serves."
    )


IpFamily = Annotated[Literal["ipv4", "ipv6"], BeforeValidator(lambda text: _SPELT.get(str(text), text))]
"""A family in dsflow's own words, or as Kubernetes spells it."""

_SPELT = {"IPv4": "ipv4", "IPv6": "ipv6"}


class ServicePortText(Text):
    """One port of a Service."""

    port: Port = Field(description="The port that clients use.")
    target_port: TargetPort | None = Field(
        None, description="The port of the pods, a number or the name that they give it; left out: the same."
    )
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
    headless: bool = Field(False, description="true: it has no ClusterIP, and its name leads to its pods themselves.")
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None = Field(
        None, description="Its ipFamilyPolicy; left out: the families of its addresses, else SingleStack as built."
    )
    ip_families: list[IpFamily] = Field(
        [], description="Its ipFamilies in order; left out: those of its ClusterIPs, else by the policy."
    )
    external_traffic_policy: Literal["Cluster", "Local"] = Field(
        "Cluster", description="Where what comes from outside is led: Cluster or Local (to end points on the node)."
    )
    internal_traffic_policy: Literal["Cluster", "Local"] = Field(
        "Cluster", description="Where what the cluster asks of a ClusterIP is led: Cluster or Local."
    )
    session_affinity: Literal["None", "ClientIP"] = Field(
        "None", description="ClientIP leads all connections of a client to one end point, whatever their ports."
    )
    load_balancer_source_ranges: list[AnyPrefix] = Field(
        [], description="Whom its load balancer serves; left out: everybody."
    )
    health_check_node_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Where nodes tell load balancers of end points, under the policy Local; left out: chosen."
    )
    annotations: dict[Label, Prose] = Field({}, description="What it tells OKE's cloud controller, in texts.")


class LoadBalancerText(Text):
    """A load balancer: ``lb/NAME``."""

    kind: Literal["flexible", "network"] = Field(
        "flexible", description="flexible: a proxy; network: it translates addresses."
    )
    ipv4: Ipv4 | None = Field(None, description="Its private IPv4 address in the VCN; a flexible one has it always.")
    public_ipv4: Ipv4 | None = Field(None, description="Its public IPv4 address; left out: a private one.")
    ipv6: Ipv6 | None = Field(None, description="Its IPv6 address.")
    subnet: Name | None = Field(None, description="Its subnet; left out: the one that holds its addresses.")
    backends: Literal["nodes", "pods"] = Field(
        "nodes",
        description="nodes: they, or their pods where they are virtual, at node ports; pods: as the native ingress "
        "controller has it, by IPv4.",
    )
    is_fail_open: bool = Field(False, description="true: of a network one, all nodes serve where none is healthy.")
    is_preserve_source_destination: bool = Field(
        False,
        description="true: a network one hands on what rules lead to its private address, as it is (transparent).",
    )
    appliances: list[Word] = Field([], description="The devices with VNICs that a transparent one hands packets to.")
    is_symmetric_hash_enabled: bool = Field(
        False, description="true: a transparent one leads both directions of a flow to the same appliance."
    )
    nsgs: list[Name] = Field([], description="Network security groups that its VNIC is in.")
