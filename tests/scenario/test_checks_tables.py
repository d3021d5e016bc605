"""Who may have which route table, and what a gateway's table may lead to."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow import scenario
from dsflow.errors import ScenarioError
from dsflow.model.topology import Topology
from dsflow.scenario import text
from tests.peered import INSPECTED, OWN_TABLES, PEERED, TRANSIT
from tests.scenario.helpers import built, problems


def _built(changes: dict[str, Any]) -> Topology:
    return scenario.build(scenario.with_changes(scenario.read(PEERED), changes))


def told(changes: dict[str, Any]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        _built(changes)
    return [str(problem).partition(": ")[2] for problem in caught.value.problems]


@pytest.mark.parametrize(
    "path",
    [
        "subnets.data",
        "nodes.hub-node",
        "pods.default/tool",
        "devices.database.interfaces.vnic",
        "gateways.igw",
        "gateways.office",
    ],
)
def test_a_table_exists_in_the_vcn_of_who_has_it(path: str) -> None:
    assert f'{path}.route_table: "spoke", a table of VCN spoke: expected a table of VCN hub' in told(
        {f"{path}.route_table": "spoke"}
    )
    assert f'{path}.route_table: "hbu": there is no route table of that name; did you mean "hub"?' in told(
        {f"{path}.route_table": "hbu"}
    )


def test_a_table_that_does_not_fit_the_schema_is_not_held_against_who_has_it() -> None:
    found = told({"route_tables.none": {"rules": 7}, "gateways.igw.route_table": "none"})
    assert all(line.startswith("route_tables.none") for line in found)


def test_a_host_network_pod_has_no_table() -> None:
    pod = {"node": "node-1", "host_network": True, "route_table": "pods"}
    assert problems({"pods.default/agent": pod}) == [
        "pods.default/agent.route_table: a route table with host_network: true: "
        "expected one at the node, whose addresses it has"
    ]


def test_an_interface_outside_subnets_has_no_table() -> None:
    assert (
        "devices.edge.interfaces.lan.route_table: route_table on an interface that is no VNIC: "
        in told({"devices.edge.interfaces.lan.route_table": "hub"})[0]
    )


def _table(rules: dict[str, str], gateway: str) -> dict[str, Any]:
    return {"route_tables.in": {"vcn": "hub", "rules": rules}, f"gateways.{gateway}.route_table": "in"}


@pytest.mark.parametrize(
    ("gateway", "target", "expected"),
    [
        ("igw", "lpg/to-spoke", "a private IP"),
        ("igw", "drg/office", "a private IP"),
        ("nat", "drg/office", "a private IP"),
        ("office", "drg/office", "a private IP or an LPG"),
        ("office", "natgw/nat", "a private IP or an LPG"),
        ("to-spoke", "igw/igw", "a private IP or a DRG"),
        ("to-spoke", "lpg/to-spoke", "a private IP or a DRG"),
    ],
)
def test_a_gateways_table_leads_where_oracle_lets_it_lead(gateway: str, target: str, expected: str) -> None:
    """managingroutetables.htm, lpg-add-route-table.htm and give-lpg-rt.htm."""
    (line,) = told(_table({"10.1.0.0/16": target}, gateway))
    assert line.startswith(f'gateways.{gateway}.route_table: "in", whose rule 10.1.0.0/16 (')
    kind = {"office": "drg", "to-spoke": "lpg", "nat": "natgw", "igw": "igw"}[gateway]
    assert line.endswith(f"leads to {target}: expected rules to {expected} in the table of {kind}/{gateway}")


@pytest.mark.parametrize("gateway", ["igw", "nat"])
def test_the_tables_of_internet_and_nat_gateways_stay_inside_the_vcn(gateway: str) -> None:
    (line,) = told(_table({"10.1.0.0/16": "private-ip/10.0.9.10"}, gateway))
    assert "leads to private-ip/10.0.9.10: expected destinations inside VCN hub in the table of" in line


def test_an_internet_gateway_leads_to_public_subnets_only() -> None:
    """managingIGs.htm; other gateways lead to private ones too."""
    rules = {"10.0.8.0/24": "private-ip/10.0.9.10"}
    private = {"subnets.firewall.access": "private"}
    (line,) = told(_table(rules, "igw") | private)
    assert "in the private subnet firewall: expected a private IP in a public subnet" in line
    assert _built(_table(rules, "igw")).gateways["igw"].route_table == "in"
    assert _built(_table(rules, "nat") | private).gateways["nat"].route_table == "in"


def test_service_labels_have_no_place_there() -> None:
    changes = {"gateways.sgw": {"kind": "service", "vcn": "hub", "services": {"all": ["134.70.0.0/16"]}}}
    (line,) = told(changes | _table({"all": "sgw/sgw"}, "office"))
    assert "leads to sgw/sgw: expected rules to a private IP or an LPG" in line


def test_all_problems_are_told_at_once_with_file_and_line(tmp_path: Any) -> None:
    file = tmp_path / "s.yaml"
    topology = _built(_table({"10.0.8.0/24": "private-ip/10.0.9.10"}, "igw"))
    written = scenario.to_yaml(topology).replace("private-ip/10.0.9.10", "drg/office")
    file.write_text(written.replace("peer: to-spoke", "peer: to-hub"))
    with pytest.raises(ScenarioError) as caught:
        scenario.build(scenario.read(file))
    paths = {problem.path: problem.line for problem in caught.value.problems}
    assert set(paths) == {"gateways.igw.route_table", "gateways.to-hub.peer", "gateways.to-spoke.peer"}
    lines = file.read_text().splitlines()
    assert "igw" in lines[int(paths["gateways.igw.route_table"] or 0) - 1]


@pytest.mark.parametrize("changes", [{}, TRANSIT, INSPECTED, OWN_TABLES])
def test_tables_and_peerings_survive_the_round_trip(changes: dict[str, Any]) -> None:
    topology = _built(changes | {"nodes.hub-node.max_pods": 40, "nodes.hub-node.pod_vnics": 2})
    again = scenario.build(text.parse(scenario.to_yaml(topology).encode(), "again.yaml"))
    assert scenario.to_data(again) == scenario.to_data(topology)
    assert again.gateways.keys() == topology.gateways.keys()
    assert [gateway.route_table for gateway in again.gateways.values()] == [
        gateway.route_table for gateway in topology.gateways.values()
    ]


# --- findings --------------------------------------------------------------------------------------------------


def test_a_subnet_that_does_not_lead_back_through_the_appliance_is_a_finding_in_each_family() -> None:
    """Misconfigurations of one family are told by its name; a table of one sender is enough to lead back."""
    rules = {"10.0.8.0/24": "private-ip/10.0.9.10", "2001:db8:a00:8::/64": "private-ip/2001:db8:a00:9::10"}
    back = {"0.0.0.0/0": "private-ip/10.0.9.10"}
    found = [str(finding) for finding in _built(_table(rules, "igw")).findings]
    assert ["no table in subnet data leads IPv4 back" in line for line in found] == [True, False]
    assert ["no table in subnet data leads IPv6 back" in line for line in found] == [False, True]
    mended = _table(rules, "igw") | {f'route_tables.hub.rules."{prefix}"': target for prefix, target in back.items()}
    (left,) = [line for line in map(str, _built(mended).findings) if "half of each connection" in line]
    assert "leads IPv6 back" in left
    own = {"route_tables.back": {"vcn": "hub", "rules": back}, "pods.default/tool.route_table": "back"}
    assert [line for line in map(str, _built(_table(rules, "igw") | own).findings) if "leads IPv4 back" in line] == []


def test_the_embedded_scenarios_have_no_table_but_their_subnets() -> None:
    for name in ("oke-sydney", "onprem-firewall"):
        topology = built({"expect": []}, name)
        assert all(gateway.route_table is None for gateway in topology.gateways.values())
