"""Generic devices as VNICs in a subnet: neighbours of the fabric, next hops of its rules, checked by OCI."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.dataplane.compile import neighbors
from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Address, Family
from dsflow.net.build import first_packet
from tests.cases import arrived, left, office, way

SHOP = "pod/default/shop"
CHECK = "devices.firewall.interfaces.vnic.source_destination_check"
RULE = {4: 'route_tables.pods.rules."10.0.8.0/24"', 6: 'route_tables.pods.rules."2001:db8:7:8::/64"'}


@pytest.mark.parametrize("family", [4, 6])
def test_a_rule_leads_between_subnets_through_the_appliance(family: int) -> None:
    """It overrides the local route; what comes back from the appliance goes by the table of its subnet."""
    chain = office().trace(SHOP, "database", family=family, tcp=5432)
    assert chain.round_trip is Disposition.DELIVERED
    passed = ["vcn/oke", "device/firewall", "vcn/oke"]
    assert way(chain.traces[0]) == [SHOP, "node/node-1", *passed, "device/database"]
    assert way(chain.traces[1]) == ["device/database", *passed, "node/node-1", SHOP]
    first, firewall, second = chain.traces[0].hops[2:5]
    assert (first.in_interface, first.out_interface) == ("subnet/pods", "subnet/firewall")
    assert (firewall.in_interface, firewall.out_interface) == ("vnic", "vnic")
    assert (second.in_interface, second.out_interface) == ("subnet/firewall", "subnet/data")
    assert [left(hop).ttl for hop in (first, firewall, second)] == [62, 61, 60]
    assert str(first.steps[0].rule).startswith("subnet/pods/route-table#")
    assert second.steps[0].rule == "vcn/oke/local"


@pytest.mark.parametrize("family", [4, 6])
def test_a_vnic_that_checks_is_a_blackhole_as_next_hop(family: int) -> None:
    """In silence, with the mend; the same for a node, which has nothing to set."""
    chain = office().what_if({CHECK: True}).trace(SHOP, "database", family=family, tcp=5432)
    assert chain.disposition is Disposition.BLACKHOLED
    assert len(chain.traces) == 1
    assert chain.traces[0].mend == f"set {CHECK}: false"
    node = {4: "private-ip/10.0.3.12", 6: "private-ip/2001:db8:7:3::12"}[family]
    chain = office().what_if({RULE[family]: node}).trace(SHOP, "database", family=family, tcp=5432)
    assert (chain.disposition, chain.traces[0].mend) == (Disposition.BLACKHOLED, None)
    assert "node/node-2 checks source and destination" in chain.traces[0].reason


@pytest.mark.parametrize("family", [4, 6])
def test_what_a_checking_vnic_sends_must_bear_its_address(family: int) -> None:
    """A foreign source ends at the device; answers and its own packets pass."""
    source = {4: "10.0.8.6", 6: "2001:db8:7:8::6"}[family]
    forged = office().trace("database", SHOP, family=family, tcp=8080, source=source)
    assert forged.disposition is Disposition.SOURCE_CHECK_FAILED
    assert way(forged.traces[0]) == ["device/database"]
    assert forged.traces[0].mend == "set devices.database.interfaces.vnic.source_destination_check: false"
    assert forged.traces[0].hops[0].steps[-1].rule == "device/database/vnic/source-destination-check"
    free = office().what_if({"devices.database.interfaces.vnic.source_destination_check": False})
    assert way(free.trace("database", SHOP, family=family, tcp=8080, source=source).traces[0])[1] == "vcn/oke"


def test_a_router_in_a_subnet_forwards_for_nobody_while_its_vnic_checks() -> None:
    """What comes in by another interface leaves with a foreign source."""
    change = {
        "links.dmz": {},
        "devices.database.forwarding": True,
        "devices.database.interfaces.e1": {"link": "dmz", "addresses": ["10.77.0.1/24"]},
        "devices.probe": {
            "interfaces": {"e0": {"link": "dmz", "addresses": ["10.77.0.2/24"]}},
            "routes": [{"to": "0.0.0.0/0", "via": "10.77.0.1"}],
        },
    }
    chain = office().what_if(change).trace("probe", SHOP, family=4, tcp=8080)
    assert chain.disposition is Disposition.SOURCE_CHECK_FAILED
    assert way(chain.traces[0]) == ["device/probe", "device/database"]


@pytest.mark.parametrize("family", [4, 6])
def test_the_subnets_own_hosts_are_reached_through_the_fabric_without_a_routed_hop(family: int) -> None:
    """On-link destinations, whoever has them, and nobody's."""
    twin: dict[str, Any] = {
        "devices.twin": {"interfaces": {"e0": {"link": "subnet/data", "addresses": ["10.0.8.6/24"]}}}
    }
    twin["devices.twin"]["interfaces"]["e0"]["addresses"].append("2001:db8:7:8::6/64")
    chain = office().what_if(twin).trace("database", "twin", family=family, icmp=True)
    assert chain.round_trip is Disposition.DELIVERED
    assert way(chain.traces[0]) == ["device/database", "vcn/oke", "device/twin"]
    assert arrived(chain.traces[0].hops[-1]).ttl == 64
    nobody = {4: "10.0.8.77", 6: "2001:db8:7:8::77"}[family]
    lost = office().trace("database", nobody, family=family, icmp=True)
    assert lost.disposition is Disposition.NEIGHBOR_UNREACHABLE
    assert lost.traces[0].hops[-1].device == "vcn/oke"


def test_pods_and_nodes_reach_an_appliances_own_addresses() -> None:
    """It is a VNIC of the VCN."""
    for family in (4, 6):
        for origin in (SHOP, "node/node-1"):
            chain = office().trace(origin, "firewall", family=family, icmp=True)
            assert chain.round_trip is Disposition.DELIVERED
            assert way(chain.traces[0])[-2:] == ["vcn/oke", "device/firewall"]


def test_internet_traffic_passes_appliance_and_nat_gateway_both_ways() -> None:
    """The appliance stands in as source, so that the answer comes by it."""
    chain = office().trace(SHOP, "internet/web", family=4, tcp=443)
    assert chain.round_trip is Disposition.DELIVERED
    assert way(chain.traces[1])[:4] == ["internet/web", "natgw/nat", "vcn/oke", "device/firewall"]
    assert [row.kind for row in chain.nat_applied] == ["masquerade", "gateway-snat", "gateway-snat", "masquerade"]
    plain = office().what_if({"devices.firewall.nat": [], "devices.firewall.filters": []})
    chain = plain.trace(SHOP, "internet/web", family=4, tcp=443)
    assert chain.round_trip is Disposition.DELIVERED
    assert "device/firewall" not in way(chain.traces[1])


def test_a_refusal_of_the_appliance_comes_back_from_its_address() -> None:
    """It is told by way of the fabric."""
    chain = office().trace(SHOP, "database", family=6, icmp=True)
    assert chain.disposition is Disposition.DENIED_FORWARD
    assert arrived(chain.traces[1].hops[-1]).src == "2001:db8:7:9::10"
    assert chain.traces[1].disposition is Disposition.DELIVERED


def test_a_rule_in_the_appliances_own_table_goes_round_until_the_hop_limit_ends_it() -> None:
    """The finding says so beforehand."""
    simulation = office().what_if({'route_tables.firewall.rules."0.0.0.0/0"': "private-ip/10.0.9.10"})
    assert "comes back to it" in str(simulation.topology.findings[0])
    chain = simulation.trace(SHOP, "192.0.2.9", family=4, tcp=5432)
    assert chain.disposition is Disposition.HOP_LIMIT_EXCEEDED


def test_an_interface_with_a_small_mtu_takes_no_more_than_it_does() -> None:
    """The fabric's side is as wide as any; the device does not hear what is longer."""
    simulation = office().what_if({"devices.database.interfaces.vnic.mtu": 1500})
    chain = simulation.trace("node/node-1", "database", family=4, tcp=5432, size=4000)
    assert chain.disposition is Disposition.TOO_BIG
    assert chain.traces[0].hops[-1].device == "device/database"


def test_packets_put_onto_a_vnic_reach_the_fabric() -> None:
    """Whatever their destination."""
    source, target = Address.parse("10.0.9.10"), Address.parse("10.0.8.5")
    packet = first_packet(Family.IPV4, "icmp", source.value, target.value, sport=None)
    chain = office().send("firewall", packet.raw, interface="vnic")
    assert way(chain.traces[0]) == ["device/firewall", "vcn/oke", "device/database"]


def test_every_link_of_the_mixed_network_ends_in_an_interface() -> None:
    """Bare tables: where a device sends, there is a device with the interface that is named."""
    dataplane = office().dataplane
    for device in dataplane.values():
        for neighbor in neighbors(device):
            assert neighbor.out_interface in device.interfaces, device.id
            if neighbor.device is not None:
                assert neighbor.in_interface in dataplane[neighbor.device].interfaces
    found = {(device.id, neighbor.device) for device in dataplane.values() for neighbor in neighbors(device)}
    assert {("vcn/oke", "device/firewall"), ("device/firewall", "vcn/oke"), ("vcn/oke", "drg/office")} <= found
