"""Tables of single VNICs and addresses: exactly one serves, the most special; senders are told apart for it."""

from __future__ import annotations

import pytest

import dsflow
from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from tests.cases import WEB, gua, way
from tests.peered import OWN_TABLES, PEERED, peered

TOOL = "pod/default/tool"


def _own() -> Simulation:
    return peered().what_if(OWN_TABLES)


@pytest.mark.parametrize("family", [4, 6])
def test_a_pods_table_comes_before_that_of_its_subnet(family: int) -> None:
    """The pod goes straight to the office, its neighbour by the subnet's table through the firewall."""
    pod = _own().trace(TOOL, "files", family=family, tcp=445)
    database = _own().trace("database", "files", family=family, tcp=445)
    assert pod.round_trip is database.round_trip is Disposition.DELIVERED
    assert "device/firewall" not in way(pod.traces[0])
    assert "device/firewall" in way(database.traces[0])
    rules = [str(hop.steps[0].rule) for hop in pod.traces[0].hops if hop.device == "vcn/hub"]
    assert [rule.partition("#")[0] for rule in rules] == [f"{TOOL}/route-table"]


@pytest.mark.parametrize("family", [4, 6])
def test_there_is_no_fall_through_from_one_table_to_the_next(family: int) -> None:
    """The node's table has no rule, and the subnet's is not asked."""
    chain = _own().trace("node/hub-node", "files", family=family, tcp=445)
    assert chain.disposition is Disposition.NO_ROUTE
    assert "no rule of node/hub-node (route-table/none) covers" in chain.traces[0].reason
    assert _own().trace("node/hub-node", "database", family=family, tcp=5432).round_trip is Disposition.DELIVERED


@pytest.mark.parametrize("family", [4, 6])
def test_an_appliance_in_its_clients_subnet_needs_a_table_of_its_own(family: int) -> None:
    """What it sends on bears its clients' addresses and goes by its VNIC's table all the same; else in a circle."""
    chain = _own().trace("database", "files", family=family, tcp=445)
    assert chain.round_trip is Disposition.DELIVERED
    first, second = (hop for hop in chain.traces[0].hops if hop.device == "vcn/hub")
    assert (first.in_interface, first.out_interface) == ("subnet/data", "device/firewall/vnic")
    assert second.in_interface == "device/firewall/vnic"
    assert str(second.steps[0].rule).startswith("device/firewall/vnic/route-table#")
    told = [step for hop in chain.traces[0].hops for step in hop.steps if step.stage == "redirect"]
    assert len(told) == (family == 4), "as it leaves as it came, Linux tells an IPv4 client of the virtual router"
    circle = _own().what_if({"devices.firewall.interfaces.vnic.route_table": None})
    assert circle.trace("database", "files", family=family, tcp=445).disposition is Disposition.HOP_LIMIT_EXCEEDED


def test_the_circle_is_a_finding_and_the_table_ends_it() -> None:
    def told(simulation: Simulation) -> list[str]:
        return [str(finding) for finding in simulation.topology.findings if "comes back to it" in str(finding)]

    assert told(_own()) == []
    assert len(told(_own().what_if({"devices.firewall.interfaces.vnic.route_table": None}))) == 2
    assert len(told(_own().what_if({"devices.firewall.interfaces.vnic.route_table": "inspected"}))) == 2


@pytest.mark.parametrize("family", [4, 6])
def test_no_table_of_its_own_diverts_a_packet_within_the_subnet(family: int) -> None:
    """Even a host route for the neighbour is never consulted (managingroutetables.htm, note)."""
    prefix = {4: "10.0.8.5/32", 6: "2001:db8:a00:8::5/128"}[family]
    simulation = _own().what_if({f'route_tables.hub.rules."{prefix}"': "drg/office"})
    chain = simulation.trace(TOOL, "database", family=family, tcp=5432)
    assert chain.round_trip is Disposition.DELIVERED
    assert way(chain.traces[0]) == [TOOL, "node/hub-node", "vcn/hub", "device/database"]


def test_the_first_packet_and_the_next_by_known_decisions_go_the_same_way() -> None:
    """What is remembered between two ends tells senders apart as well."""
    with _own().session() as session:
        for _ in range(2):
            ways = {origin: way(session.trace(origin, "files", family=4, icmp=True).traces[0]) for origin in _SENDERS}
            assert {origin: "device/firewall" in found for origin, found in ways.items()} == _SENDERS


_SENDERS = {TOOL: False, "device/database": True, "node/hub-node": False}


def test_a_node_in_a_public_subnet_can_differ_from_its_neighbours() -> None:
    """In the article's cluster: one node's IPv6 has no way out."""
    simulation = gua().what_if({"route_tables.quiet": {"rules": {}}, "nodes.node-1.route_table": "quiet"})
    assert simulation.trace("node/node-1", WEB, family=6, tcp=443).disposition is Disposition.NO_ROUTE
    assert simulation.trace("node/node-2", WEB, family=6, tcp=443).round_trip is Disposition.DELIVERED


def test_where_nothing_has_a_table_of_its_own_senders_are_not_asked() -> None:
    """The look-up of a plain VCN is by interface alone."""
    for device_id in ("vcn/hub", "vcn/spoke"):
        (lookup,) = dsflow.load(PEERED).dataplane[device_id].receive
        assert not getattr(lookup, "senders", None)
