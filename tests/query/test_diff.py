"""What changed between two simulations, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

import dsflow
from dsflow.errors import UsageError
from dsflow.query.diff import Change, Difference, DifferenceRow, diff
from tests.cases import CLIENT, MATE, POD, PUBLIC_NODE, REMOTE, WEB, gua, sydney
from tests.strategies import clusters


def changed(changes: dict[str, Any]) -> Difference:
    return diff(gua(), gua().what_if(changes))


def row(difference: Difference, path_type: str, family: str) -> DifferenceRow:
    found = [one for one in difference.rows if (one.path_type, one.family) == (path_type, family)]
    assert len(found) == 1
    return found[0]


def whats(row: DifferenceRow) -> dict[str, tuple[str, str]]:
    return {change.what: (change.before, change.after) for change in row.changes}


def test_a_disabled_nat_gateway_changes_ipv4_egress_and_only_it() -> None:
    difference = changed({"gateways.nat.enabled": False})
    assert [(one.path_type, one.family) for one in difference.rows] == [("egress", "ipv4")]
    (only,) = difference.rows
    assert (only.origin, only.target, only.ports) == (POD, WEB, ("tcp/80", "tcp/443"))
    told = whats(only)
    assert told["disposition"] == ("delivered", "gateway-disabled")
    assert told["nat"] == ("gateway-snat at natgw/nat", "none")
    assert only.why == ("after: at natgw/nat: natgw/nat is disabled and carries nothing",)
    assert difference


def test_moving_to_global_addresses_changes_ipv6_rows_only() -> None:
    """Pods have other addresses in the two scenarios, which is no difference."""
    difference = dsflow.diff(sydney(), gua())
    assert {one.family for one in difference.rows} == {"ipv6"}
    egress = row(difference, "egress", "ipv6")
    assert whats(egress)["disposition"] == ("scope-unroutable", "delivered")
    assert egress.why[0].startswith("before: at igw/igw: fd00:100::/56 is not globally routable")
    assert difference.only_before == difference.only_after == ()


def test_a_simulation_does_not_differ_from_itself() -> None:
    difference = diff(gua(), gua())
    assert not difference
    assert str(difference).splitlines() == [
        "oke-sydney-gua before -> oke-sydney-gua after",
        "",
        f"No difference in {difference.questions} questions.",
    ]


@settings(max_examples=10)
@given(clusters())
def test_no_cluster_differs_from_itself(data: dict[str, Any]) -> None:
    assert not diff(dsflow.load(data), dsflow.load(data))


def test_a_longer_way_changes_the_time_and_says_what_is_paid() -> None:
    difference = changed({"internet.web.distance_km": 1600})
    assert [whats(one).keys() for one in difference.rows] == [{"p50"}, {"p50"}]
    assert difference.rows[0].why == (
        "before, on the way: internet at internet/web over 600 km",
        "after, on the way: internet at internet/web over 1600 km",
    )


def test_the_time_counts_only_where_something_else_is_paid() -> None:
    """Another seed draws other numbers for the same costs: no difference."""
    assert not diff(dsflow.load("two-pods", seed=0), dsflow.load("two-pods", seed=1))


def test_a_pod_that_moves_takes_another_way_and_says_where_it_parts() -> None:
    difference = changed({f"pods.{MATE.removeprefix('pod/')}.node": "node-3"})
    told = next(one for one in difference.rows if one.target == MATE and one.family == "ipv4")
    assert whats(told)["path type"] == ("same-node", "cross-node")
    assert whats(told)["path"][0] == f"{POD} > node/node-1 > {MATE}"
    assert whats(told)["path"][1] == f"{POD} > node/node-1 > vcn/oke > node/node-3 > {MATE}"
    assert told.why[0] == "before: at node/node-1: 100.0.5.215 is a pod of this node"
    assert told.why[1].startswith("after: at node/node-1: pod traffic leaves by the VNIC")


def test_a_balancer_that_finds_its_backend_elsewhere_says_so() -> None:
    difference = changed({f"pods.{pod.removeprefix('pod/')}.node": "node-3" for pod in (POD, MATE, REMOTE)})
    ingress = row(difference, "ingress", "ipv4")
    assert ingress.why[0].startswith("before: at vcn/oke: on to node/")
    assert ingress.why[1] == "after: at vcn/oke: on to node/node-3"


def test_an_answer_that_gets_lost_is_a_change_of_the_round_trip() -> None:
    """A node that is reached by its public address, but answers through the NAT gateway."""
    flow = {"from": CLIENT, "to": "node/node-1", "family": "ipv4", "dport": 22}
    before = gua().what_if({**PUBLIC_NODE, "flows": [flow]})
    after = before.what_if({'route_tables.nodes.rules."0.0.0.0/0"': "natgw/nat"})
    told = row(diff(before, after), "ingress", "ipv4")
    assert whats(told)["round trip"] == ("delivered", "return-lost")
    assert "reply path" in whats(told)
    assert "path" not in whats(told)
    assert told.why[0].endswith("is 0.0.0.0/0, to igw/igw")
    assert told.why[1].endswith("is 0.0.0.0/0, to natgw/nat")
    assert told.why[2].startswith("after: at internet/client: no connection here awaits a segment from 203.0.113.10")


def test_a_translation_that_comes_is_told_with_its_reason() -> None:
    """IPv4 of a node that gets a public address leaves by the Internet gateway, one to one."""
    flow = {"from": "node/node-1", "to": WEB, "family": "ipv4", "dport": 443}
    before = gua().what_if({"flows": [flow]})
    after = before.what_if(
        {"nodes.node-1.public_ipv4": "203.0.113.77", 'route_tables.nodes.rules."0.0.0.0/0"': "igw/igw"}
    )
    told = row(diff(before, after), "egress", "ipv4")
    assert whats(told)["nat"] == ("gateway-snat at natgw/nat", "public-ip-one-to-one at igw/igw")
    assert any(why.startswith("after: public-ip-one-to-one at igw/igw: ") for why in told.why)
    assert any(why.startswith("before: gateway-snat at natgw/nat: ") for why in told.why)


def test_what_is_there_on_one_side_only_is_listed() -> None:
    difference = diff(gua(), dsflow.load("two-pods"))
    assert "igw/igw" in difference.only_before
    assert difference.only_after == ("vcn/lab", "pod/default/client", "pod/default/server")
    gone = next(one for one in difference.rows if one.origin == POD)
    way = f"{POD} > node/node-1 > {MATE}"
    assert gone.changes == (Change("disposition", "delivered", "not there"), Change("path", way, "not there"))
    come = next(one for one in difference.rows if one.target == "pod/default/server")
    assert come.changes[0] == Change("disposition", "not there", "delivered")
    assert come.changes[-1].after.startswith("pod/default/client > node/node-1 > ")
    assert 'before: "pod/default/client": no such pod' in come.why[0]
    assert "Only in two-pods:\n    vcn/lab" in str(difference)


def test_devices_alone_make_a_difference() -> None:
    difference = changed({"internet.zebra": {"ipv4": "198.51.100.9"}})
    assert not difference.rows
    assert difference.only_after == ("internet/zebra",)
    assert difference


def test_a_question_that_is_impossible_everywhere_is_refused() -> None:
    broken = gua().what_if({"flows": [{"from": "service/default/nginx", "to": WEB, "family": "ipv4", "dport": 443}]})
    with pytest.raises(UsageError, match="packets start at"):
        diff(broken, broken)


def test_progress_counts_up_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    pods = dsflow.load("two-pods")
    questions = diff(pods, pods, progress=lambda done, total: told.append((done, total))).questions
    assert told == [(number, questions) for number in range(1, questions + 1)]


def test_a_difference_is_text_html_and_data() -> None:
    difference = diff(gua(), gua().what_if({"gateways.nat.enabled": False}), names=("now", "then"))
    assert str(difference).startswith("now -> then\n")
    assert "disposition: delivered -> gateway-disabled" in str(difference)
    assert "path after:  " in str(difference)
    assert "<table>" in difference._repr_html_()
    data = json.loads(json.dumps(difference.to_json()))
    assert data["schema"] == "dsflow.diff/1"
    assert data["rows"][0]["changes"][0] == {
        "what": "disposition",
        "before": "delivered",
        "after": "gateway-disabled",
    }


@settings(max_examples=10)
@given(clusters(), clusters())
def test_every_row_says_why(one: dict[str, Any], other: dict[str, Any]) -> None:
    for told in diff(dsflow.load(one), dsflow.load(other)).rows:
        assert told.changes
        assert told.why
        assert all(told.why)
