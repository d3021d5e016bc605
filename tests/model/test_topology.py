"""What exists, and the few questions that the records answer about themselves."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from dsflow.model.cluster import Listener, Node, Pod
from dsflow.model.internet import InternetHost
from dsflow.model.services import LoadBalancer, Service
from dsflow.model.topology import Topology
from dsflow.model.vcn import (
    InternetGateway,
    Ipv6Prefix,
    NatGateway,
    Origin,
    RouteTable,
    ServiceGateway,
    Subnet,
    Vcn,
)
from dsflow.net.address import Address, Family, Prefix

V4, V6 = Address.parse("10.0.0.1"), Address.parse("fd00::1")


@pytest.mark.parametrize("text", ["tcp/1", "udp/53", "tcp/65535"])
def test_a_listener_prints_as_it_is_parsed(text: str) -> None:
    """parse and str are each other's reverse."""
    assert str(Listener.parse(text)) == text


@pytest.mark.parametrize("text", ["tcp", "tcp/", "icmp/1", "tcp/0", "tcp/65536", "tcp/-1", "TCP/80", "tcp/8o", "tcp/²"])
def test_what_is_no_listener_is_refused(text: str) -> None:
    """The text is repeated."""
    with pytest.raises(ValueError, match=text):
        Listener.parse(text)


def test_ids_are_kind_and_name() -> None:
    """As devices are called everywhere."""
    vcn = Vcn(name="v", ipv4=())
    records: list[Any] = [
        Node(name="n", subnet="s"),
        Pod(namespace="d", name="p", node="n"),
        Service(namespace="d", name="w"),
        LoadBalancer(name="l", subnet="s", ipv4=V4),
        InternetHost(name="h"),
        vcn,
        Subnet(name="s", vcn="v"),
        RouteTable(name="t", vcn="v"),
        InternetGateway(name="i", vcn="v"),
        NatGateway(name="g", vcn="v", public_ipv4=V4),
        ServiceGateway(name="o", vcn="v", services=()),
    ]
    assert [record.id for record in records] == [
        "node/n", "pod/d/p", "service/d/w", "lb/l", "internet/h", "vcn/v", "subnet/s", "route-table/t", "igw/i",
        "natgw/g", "sgw/o",
    ]  # fmt: skip


def test_addresses_by_family() -> None:
    """One of each, or None."""
    pod = Pod(namespace="d", name="p", node="n", ipv4=V4)
    assert [pod.address(family) for family in Family] == [V4, None]
    host = InternetHost(name="h", ipv6=V6)
    assert [host.address(family) for family in Family] == [None, V6]
    public = Address.parse("203.0.113.9")
    balancer = LoadBalancer(name="l", subnet="s", ipv4=V4, public_ipv4=public, ipv6=V6)
    assert [balancer.address(family) for family in Family] == [V4, V6]


def test_prefixes_by_family() -> None:
    """A subnet may lack either; the most specific prefix of a VCN tells the origin."""
    wide = Ipv6Prefix(Prefix.parse("2600::/32"), Origin.ULA)
    narrow = Ipv6Prefix(Prefix.parse("2600:0:0:100::/56"), Origin.BYOIP)
    vcn = Vcn(name="v", ipv4=(Prefix.parse("10.0.0.0/16"),), ipv6=(wide, narrow))
    assert vcn.prefixes(Family.IPV4) == (Prefix.parse("10.0.0.0/16"),)
    assert vcn.prefixes(Family.IPV6) == (wide.prefix, narrow.prefix)
    assert vcn.ipv6_prefix_of(Address.parse("2600:0:0:101::1")) == narrow
    assert vcn.ipv6_prefix_of(Address.parse("2600:0:1::1")) == wide
    assert vcn.ipv6_prefix_of(Address.parse("fd00::1")) is None
    subnet = Subnet(name="s", vcn="v", ipv6=(Prefix.parse("2600:0:0:101::/64"),))
    assert (subnet.prefixes(Family.IPV4), len(subnet.prefixes(Family.IPV6))) == ((), 1)


def test_only_an_origin_is_global() -> None:
    """Oracle's and one's own; never what is taken as private."""
    assert {origin for origin in Origin if origin.is_global} == {Origin.ORACLE_GUA, Origin.BYOIP}


def test_backends_bear_every_label_in_the_services_namespace() -> None:
    """By name; a Service without selector selects nobody."""

    def pod(namespace: str, name: str, *labels: tuple[str, str]) -> Pod:
        return Pod(namespace=namespace, name=name, node="n", labels=labels)

    both = pod("d", "b", ("app", "w"), ("tier", "x"))
    pods = [both, pod("d", "a", ("app", "w")), pod("e", "c", ("app", "w"))]
    topology = Topology(name="t", pods={f"{p.namespace}/{p.name}": p for p in pods})
    service = Service(namespace="d", name="s", selector=(("app", "w"),))
    assert [p.name for p in topology.backends(service)] == ["a", "b"]
    narrow = Service(namespace="d", name="s", selector=(("app", "w"), ("tier", "x")))
    assert topology.backends(narrow) == (both,)
    assert topology.backends(Service(namespace="d", name="s")) == ()


def test_records_are_frozen() -> None:
    """What exists does not change; a change is another topology."""
    with pytest.raises(FrozenInstanceError):
        Node(name="n", subnet="s").name = "m"  # type: ignore[misc]  # that it may not is the point
