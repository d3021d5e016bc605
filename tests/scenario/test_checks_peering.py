"""Local peering gateways: what is refused, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow import scenario
from dsflow.errors import ScenarioError
from dsflow.model.vcn import LocalPeeringGateway
from tests.peered import PEERED


def told(changes: dict[str, Any]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        scenario.build(scenario.with_changes(scenario.read(PEERED), changes))
    return [f"{problem.path}: {problem.found}: expected {problem.expected}" for problem in caught.value.problems]


def test_it_is_what_its_text_says() -> None:
    gateway = scenario.build(scenario.read(PEERED)).gateways["to-hub"]
    assert isinstance(gateway, LocalPeeringGateway)
    assert (gateway.id, gateway.vcn, gateway.peer_id, gateway.enabled) == ("lpg/to-hub", "spoke", "lpg/to-spoke", True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"gateways.to-hub.peer": "to-spoek"},
            'gateways.to-hub.peer: "to-spoek": there is no local peering gateway of that name; '
            'did you mean "to-spoke"?: expected ',
        ),
        (
            {"gateways.to-hub.peer": "to-hub"},
            'gateways.to-hub.peer: "to-hub", the gateway itself: expected the LPG of another VCN',
        ),
        (
            {"gateways.other": {"kind": "lpg", "vcn": "spoke", "peer": "to-hub"}},
            'gateways.other.peer: "to-hub", an LPG of VCN spoke too: expected the LPG of another VCN',
        ),
        (
            {"gateways.other": {"kind": "lpg", "vcn": "hub", "peer": "to-hub"}},
            'gateways.other.peer: "to-hub", whose own peer is "to-spoke": expected an LPG whose peer is other',
        ),
    ],
)
def test_both_ends_name_each_other(changes: dict[str, Any], expected: str) -> None:
    assert expected in told(changes)


def test_a_nat_gateway_is_no_peer() -> None:
    assert any("no local peering gateway of that name" in line for line in told({"gateways.to-hub.peer": "nat"}))


def test_vcns_that_overlap_are_refused() -> None:
    """Oracle peers no VCNs that overlap (localVCNpeering.htm)."""
    found = told({"vcns.spoke.ipv4": ["10.1.0.0/16", "10.0.4.0/24"]})
    assert any("10.0.4.0/24" in line and "overlaps 10.0.0.0/16" in line for line in found)


def test_a_peer_that_does_not_fit_the_schema_is_not_held_against_the_other() -> None:
    found = told({"gateways.to-spoke.enabled": "maybe"})
    assert all(line.startswith("gateways.to-spoke.enabled") for line in found)


def test_an_lpg_carries_no_packet_of_another_vcns_table() -> None:
    expected = 'route_tables.spoke.rules."10.9.0.0/16": "lpg/to-spoke", a gateway of VCN hub: '
    assert f"{expected}expected a gateway of VCN spoke" in told(
        {'route_tables.spoke.rules."10.9.0.0/16"': "lpg/to-spoke"}
    )


def test_an_lpg_that_no_rule_leads_to_is_a_finding() -> None:
    def found(changes: dict[str, Any]) -> list[str]:
        topology = scenario.build(scenario.with_changes(scenario.read(PEERED), changes))
        return [f"{finding.path}: {finding.found}" for finding in topology.findings]

    assert found({}) == []
    assert found({"route_tables.spoke.rules": {}}) == [
        "gateways.to-hub: no rule leads to lpg/to-hub, so nothing in VCN spoke uses it"
    ]
