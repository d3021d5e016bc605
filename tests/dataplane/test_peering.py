"""Local peering gateways: both families, no translation, two hops, and no transit by default."""

from __future__ import annotations

import pytest

from dsflow.dataplane.compile import neighbors
from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Address, Family
from dsflow.net.build import first_packet
from dsflow.trace.chain import PathType
from tests.cases import left, way
from tests.peered import peered

SHOP, TOOL = "pod/default/shop", "pod/default/tool"
PEERING = ["vcn/spoke", "lpg/to-hub", "lpg/to-spoke", "vcn/hub"]


@pytest.mark.parametrize("family", [4, 6])
def test_pods_reach_the_other_vcn_and_nothing_is_translated(family: int) -> None:
    """Two gateways, each of which lowers the hop limit, and the same way back."""
    chain = peered().trace(SHOP, "database", family=family, tcp=5432)
    assert chain.round_trip is Disposition.DELIVERED
    assert way(chain.traces[0]) == [SHOP, "node/node-1", *PEERING, "device/database"]
    assert way(chain.traces[1]) == way(chain.traces[0])[::-1]
    assert [left(hop).ttl for hop in chain.traces[0].hops[2:6]] == [62, 61, 60, 59]
    near, far = chain.traces[0].hops[3:5]
    assert (near.in_interface, near.out_interface) == ("vcn/spoke", "lpg/to-spoke")
    assert (far.in_interface, far.out_interface) == ("lpg/to-hub", "vcn/hub")
    assert chain.nat_applied == ()
    assert {"lpg-latency-as-igw", "vcn-lowers-ttl"} <= set(chain.assumptions)


@pytest.mark.parametrize("family", [4, 6])
def test_between_pods_of_two_vcns_the_path_is_vcn_internal(family: int) -> None:
    """They are of two pod networks, so it is not the cluster's *cross-node*."""
    for origin, target in ((SHOP, TOOL), (TOOL, SHOP)):
        chain = peered().trace(origin, target, family=family, tcp=8080)
        assert (chain.path_type, chain.round_trip) == (PathType.VCN_INTERNAL, Disposition.DELIVERED)


@pytest.mark.parametrize(("target", "family"), [("internet/web", 4), ("internet/web", 6), ("files", 4), ("files", 6)])
def test_what_is_beyond_the_other_vcn_is_out_of_reach(target: str, family: int) -> None:
    """Neither its Internet and NAT gateways nor its DRG serve a peer."""
    chain = peered().trace(SHOP, target, family=family, tcp=443)
    assert chain.disposition is Disposition.NO_ROUTE
    assert chain.traces[0].hops[-1].device == "vcn/hub"
    assert len(chain.traces) == 1


@pytest.mark.parametrize("family", [4, 6])
def test_the_on_premises_network_reaches_the_hub_alone(family: int) -> None:
    """The DRG knows its own VCN."""
    assert peered().trace("files", "database", family=family, tcp=5432).round_trip is Disposition.DELIVERED
    chain = peered().trace("files", SHOP, family=family, tcp=8080)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == (Disposition.NO_ROUTE, "drg/office")


def test_without_a_rule_nothing_flows_back() -> None:
    """The peering alone routes nothing (localVCNpeering.htm): each side needs a rule."""
    one_way = peered().what_if({'route_tables.hub.rules."10.1.0.0/16"': None})
    chain = one_way.trace(SHOP, "database", family=4, tcp=5432)
    assert (chain.disposition, chain.round_trip) == (Disposition.DELIVERED, Disposition.RETURN_LOST)
    assert "lpg/to-hub" not in way(chain.traces[1])


@pytest.mark.parametrize(("family", "prefix"), [(4, "10.0.0.0/16"), (6, "2001:db8:a00::/56")])
def test_the_missing_rule_to_the_peer_is_the_mend(family: int, prefix: str) -> None:
    """Where another rule covers the peer's VCN, that decides."""
    simulation = peered().what_if({"route_tables.spoke.rules": {"203.0.113.0/24": "lpg/to-hub"}})
    chain = simulation.trace(SHOP, "database", family=family, tcp=5432)
    assert chain.disposition is Disposition.NO_ROUTE
    assert chain.traces[0].mend == f"add the rule {prefix}: lpg/to-hub to route_tables.spoke.rules"
    bare = peered().what_if({"subnets.pods.route_table": None}).trace(SHOP, "database", family=family, tcp=5432)
    assert bare.traces[0].mend == f"give subnet/pods a route table that leads {prefix} to lpg/to-hub"
    beyond = simulation.trace(SHOP, "internet/web", family=family, tcp=443)
    assert str(beyond.traces[0].mend).startswith("for the Internet, add a gateway")


@pytest.mark.parametrize("end", ["to-hub", "to-spoke"])
def test_switched_off_at_one_end_it_carries_nothing_either_way(end: str) -> None:
    """As any gateway."""
    simulation = peered().what_if({f"gateways.{end}.enabled": False})
    for origin, target in ((SHOP, TOOL), (TOOL, SHOP)):
        chain = simulation.trace(origin, target, family=6, tcp=8080)
        assert chain.disposition is Disposition.GATEWAY_DISABLED
        assert chain.traces[0].hops[-1].device == f"lpg/{end}"


def test_errors_are_told_to_senders_of_the_own_vcn_only() -> None:
    """The assumption is about packets from inside: the far VCN's routers are silent."""
    for ttl, device, told in ((3, "lpg/to-hub", True), (4, "lpg/to-spoke", False), (5, "vcn/hub", False)):
        chain = peered().trace(SHOP, "database", family=4, icmp=True, ttl=ttl)
        assert chain.disposition is Disposition.HOP_LIMIT_EXCEEDED
        assert chain.traces[0].hops[-1].device == device
        assert (len(chain.traces) == 2) is told


def test_packets_can_be_put_onto_its_wires() -> None:
    """Onto the peer's, and by its own tables either way."""
    addresses = {"hub": "10.0.8.5", "spoke": "10.1.3.11"}
    values = {name: Address.parse(text).value for name, text in addresses.items()}
    there = first_packet(Family.IPV4, "icmp", values["spoke"], values["hub"], sport=None)
    chain = peered().send("lpg/to-hub", there.raw, interface="lpg/to-spoke")
    assert way(chain.traces[0]) == ["lpg/to-hub", "lpg/to-spoke", "vcn/hub", "device/database"]
    assert way(peered().send("lpg/to-hub", there.raw).traces[0]) == way(chain.traces[0])
    back = first_packet(Family.IPV4, "icmp", values["hub"], values["spoke"], sport=None)
    assert way(peered().send("lpg/to-hub", back.raw).traces[0]) == ["lpg/to-hub", "vcn/spoke", "node/node-1"]


def test_every_link_of_the_peered_networks_ends_in_an_interface() -> None:
    """Bare tables, and the edges of the graph."""
    dataplane = peered().dataplane
    for device in dataplane.values():
        for neighbor in neighbors(device):
            assert neighbor.out_interface in device.interfaces, device.id
            if neighbor.device is not None:
                assert neighbor.in_interface in dataplane[neighbor.device].interfaces
    assert peered().graph.has_edge("lpg/to-hub", "lpg/to-spoke")
    assert peered().graph.has_edge("lpg/to-spoke", "lpg/to-hub")
