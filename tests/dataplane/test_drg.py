"""A DRG: both families, no translation, one hop; the far side reaches the VCN and nothing else."""

from __future__ import annotations

import pytest

from dsflow import Simulation
from dsflow.dataplane.action import Evidence
from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Address, Family
from dsflow.net.build import first_packet
from tests.cases import arrived, left, office, quote_in, way

SHOP, CART = "pod/default/shop", "pod/default/cart"
ROUTE4 = 'gateways.office.routes."192.168.0.0/16"'


@pytest.mark.parametrize("family", [4, 6])
def test_it_carries_both_families_and_changes_no_address(family: int) -> None:
    """One hop less, its far interface by the link's name, and the same way back."""
    chain = office().trace(SHOP, "files", family=family, tcp=445)
    assert chain.round_trip is Disposition.DELIVERED
    assert way(chain.traces[0]) == [SHOP, "node/node-1", "vcn/oke", "drg/office", "device/edge", "device/files"]
    assert way(chain.traces[1]) == way(chain.traces[0])[::-1]
    there, back = chain.traces[0].hops[3], chain.traces[1].hops[2]
    assert (there.in_interface, there.out_interface) == ("vcn/oke", "wan")
    assert (back.in_interface, back.out_interface) == ("wan", "vcn/oke")
    assert left(there).ttl == arrived(there).ttl - 1
    assert chain.nat_applied == ()
    assert {"vcn-lowers-ttl", "drg-latency-as-igw"} <= set(chain.assumptions)


@pytest.mark.parametrize("family", [4, 6])
def test_the_on_premises_network_reaches_pods_and_nodes(family: int) -> None:
    """Directly, past the appliance: only pods' own tables lead to it."""
    for target, port in ((CART, 8080), ("database", 5432)):
        chain = office().trace("files", target, family=family, tcp=port)
        assert chain.disposition is Disposition.DELIVERED
        assert "device/firewall" not in way(chain.traces[0])
    assert office().trace("files", CART, family=family, tcp=8080).round_trip is Disposition.DELIVERED


def test_switched_off_it_carries_nothing_either_way() -> None:
    """And the mend says so."""
    simulation = office().what_if({"gateways.office.enabled": False})
    for origin, target in ((SHOP, "files"), ("files", SHOP)):
        chain = simulation.trace(origin, target, family=6, tcp=445)
        assert chain.disposition is Disposition.GATEWAY_DISABLED
        assert chain.traces[0].hops[-1].device == "drg/office"
        assert chain.traces[0].mend == "set gateways.office.enabled=true"


def _lost(simulation: Simulation, origin: str, target: str, disposition: Disposition) -> str:
    """The reason of a packet that the DRG drops: in silence, and inferred."""
    chain = simulation.trace(origin, target, family=4, icmp=True)
    assert chain.disposition is disposition
    assert len(chain.traces) == 1
    last = chain.traces[0].hops[-1]
    assert last.device == "drg/office"
    assert last.steps[-1].evidence == Evidence.INFERRED
    return chain.traces[0].reason


def test_the_far_side_reaches_the_vcn_alone() -> None:
    """Neither the Internet nor another network of the far side by way of the DRG."""
    simulation = office().what_if({"devices.edge.routes": [{"to": "0.0.0.0/0", "via": "10.255.0.1"}]})
    for target in ("internet/web", "192.168.7.7"):
        assert "all that is reached from the far side" in _lost(simulation, "files", target, Disposition.NO_ROUTE)


def test_what_no_route_covers_is_dropped() -> None:
    simulation = office().what_if({'route_tables.pods.rules."172.16.0.0/12"': "drg/office"})
    reason = _lost(simulation, SHOP, "172.16.1.1", Disposition.NO_ROUTE)
    assert reason == "no route of drg/office covers 172.16.1.1: dropped in silence"


@pytest.mark.parametrize("prefix", ["10.0.3.0/24", "10.0.0.0/16"])
def test_what_comes_from_the_vcn_does_not_go_back_there(prefix: str) -> None:
    """A rule between subnets may lead to a DRG, which is attached to one VCN here; a wide route changes nothing."""
    change = {f'route_tables.pods.rules."{prefix}"': "drg/office", 'gateways.office.routes."10.0.0.0/8"': "10.255.0.2"}
    reason = _lost(office().what_if(change), SHOP, "node/node-2", Disposition.NO_ROUTE)
    assert "sends nothing back there" in reason


WIDE = {"gateways.office.addresses": ["10.255.0.1/29", "fd00:ff::1/64"]}


def test_nobody_has_the_next_hop() -> None:
    """A neighbour failure at the DRG, which the scenario's findings tell too."""
    simulation = office().what_if(WIDE | {ROUTE4: "10.255.0.4"})
    reason = _lost(simulation, SHOP, "files", Disposition.NEIGHBOR_UNREACHABLE)
    assert reason == "nobody on link wan has 10.255.0.4: dropped in silence"
    assert "nobody on link wan has 10.255.0.4" in str(simulation.topology.findings[0])


def test_nobody_on_the_link_has_the_destination() -> None:
    simulation = office().what_if(WIDE | {'route_tables.pods.rules."10.255.0.0/29"': "drg/office"})
    reason = _lost(simulation, SHOP, "10.255.0.4", Disposition.NEIGHBOR_UNREACHABLE)
    assert reason == "nobody on link wan has 10.255.0.4: dropped in silence"


def test_a_host_on_the_link_itself_is_reached() -> None:
    """The router's own address on it, by no written route."""
    simulation = office().what_if({'route_tables.pods.rules."10.255.0.0/30"': "drg/office"})
    assert simulation.trace(SHOP, "10.255.0.2", family=4, icmp=True).round_trip is Disposition.DELIVERED
    assert "where nothing answers" in _lost(simulation, SHOP, "10.255.0.1", Disposition.NO_LISTENER)


def test_the_longest_of_its_routes_decides() -> None:
    """The step names the route, and where it was written."""
    simulation = office().what_if({'gateways.office.routes."192.168.1.0/24"': "10.255.0.2"})
    step = simulation.trace(SHOP, "files", family=4, tcp=445).traces[0].hops[3].steps[0]
    assert step.rule == "drg/office/routes#3"
    assert "192.168.1.0/24, by 10.255.0.2" in step.reason


@pytest.mark.parametrize("family", [4, 6])
def test_its_far_side_is_narrower_than_the_vcn(family: int) -> None:
    """The sender learns the path MTU from its virtual router."""
    chain = office().trace(SHOP, "files", family=family, tcp=445, size=4000)
    assert chain.disposition is Disposition.TOO_BIG
    assert chain.traces[0].hops[-1].device == "drg/office"
    assert chain.traces[1].disposition is Disposition.DELIVERED
    assert arrived(chain.traces[1].hops[-1]).src in ("10.0.4.1", "2001:db8:7:4::1")
    assert quote_in(chain.traces[1]).src == Address.parse(arrived(chain.traces[0].hops[-1]).src).value


def test_a_used_up_hop_limit_is_told_to_senders_inside_only() -> None:
    """Senders of the far side hear nothing: the assumption is about packets from inside the VCN."""
    inside = office().trace(SHOP, "files", family=4, icmp=True, ttl=3)
    assert inside.traces[0].hops[-1].device == "drg/office"
    assert len(inside.traces) == 2
    outside = office().trace("files", SHOP, family=4, icmp=True, ttl=2)
    assert outside.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert len(outside.traces) == 1


def test_packets_can_be_put_onto_its_wire() -> None:
    """To whoever has the address there, else to the router."""
    packet = first_packet(
        Family.IPV4, "icmp", *(Address.parse(text).value for text in ("10.0.4.21", "192.168.1.10")), sport=None
    )
    chain = office().send("drg/office", packet.raw, interface="wan")
    assert way(chain.traces[0]) == ["drg/office", "device/edge", "device/files"]
    assert office().send("drg/office", packet.raw).disposition is Disposition.DELIVERED


def test_devices_on_its_link_know_its_addresses_and_the_graph_has_the_edges() -> None:
    """It is an end of the link like any other."""
    owners = office().dataplane["device/edge"].interfaces["wan"].owners
    assert {neighbor.device for found in owners.values() for neighbor in found.values()} == {"drg/office"}
    assert office().graph.has_edge("device/edge", "drg/office")
    assert office().graph.has_edge("drg/office", "device/edge")
    assert office().graph.has_edge("drg/office", "vcn/oke")
