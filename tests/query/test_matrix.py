"""The main job's matrix."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

import dsflow
from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Family
from dsflow.query.matrix import Cell, Matrix, explanation, run_matrix
from dsflow.trace.chain import PathType
from tests.answers import ANSWERS
from tests.cases import CLIENT, POD, PUBLIC_NODE, gua, office, sydney
from tests.strategies import clusters


@pytest.fixture(scope="module")
def article() -> Matrix:
    return run_matrix(sydney())


def cell(matrix: Matrix, path_type: PathType, family: Family) -> Cell:
    return next(one for one in matrix.cells if (one.path_type, one.family) == (path_type, family))


def test_the_article_is_half_right(article: Matrix) -> None:
    texts = {(str(one.path_type), int(one.family)): one.disposition_text for one in article.cells}
    expected = {(str(path), family): "delivered" for path in PathType for family in (4, 6)}
    expected |= {("egress", 6): "scope-unroutable", ("on-premises", 4): "n/a", ("on-premises", 6): "n/a"}
    assert texts == expected


def test_everything_is_delivered_with_global_addresses() -> None:
    cells = run_matrix(gua()).cells
    assert {one.disposition_text for one in cells if one.path_type is not PathType.ON_PREMISES} == {"delivered"}


def test_what_failed_says_where_why_and_what_would_mend_it(article: Matrix) -> None:
    egress = cell(article, PathType.EGRESS, Family.IPV6)
    assert not egress.is_delivered
    assert egress.explanation is not None
    assert egress.explanation.startswith("at igw/igw: fd00:100::/56 is not globally routable")
    assert egress.mend == "number subnet/pods and what is in it from 2001:db8:100::/56, which is global"
    line = next(line for line in str(article).splitlines() if "not globally routable" in line)
    assert line.endswith(f"; to mend: {egress.mend}")


def test_nat_is_told_with_its_place_and_only_where_it_is(article: Matrix) -> None:
    told = {(str(one.path_type), int(one.family)): one.nat_text for one in article.cells if one.chain}
    applied = {key: text for key, text in told.items() if text != "none"}
    assert applied == {("ingress", 4): "public-ip-one-to-one at igw/igw", ("egress", 4): "gateway-snat at natgw/nat"}


def test_hops_count_every_connection(article: Matrix) -> None:
    assert cell(article, PathType.SAME_NODE, Family.IPV6).hops == 3
    assert cell(article, PathType.INGRESS, Family.IPV6).hops == 8  # four to the load balancer, four from it
    assert cell(article, PathType.ON_PREMISES, Family.IPV6).hops is None


def test_the_last_line_tells_what_as_built_will_differ_in(article: Matrix) -> None:
    last = str(article).splitlines()[-1]
    assert "as-built" in last
    assert "flexible load balancers reach their backends over IPv4" in last
    assert run_matrix(dsflow.load("two-pods")).note == ""


def test_a_path_type_that_is_lacking_reads_not_available() -> None:
    matrix = run_matrix(dsflow.load("two-pods"))
    same_node = cell(matrix, PathType.SAME_NODE, Family.IPV4)
    assert (same_node.disposition_text, same_node.hops, same_node.nat_text) == ("n/a", None, "-")
    assert same_node.explanation == "no two pods on one node, one of them listening"
    assert same_node.mend is None
    assert len(matrix.chains) == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("egress-ipv4", "delivered"),
        ("left-model", "left-model"),
        ("undetermined", "undetermined"),
        ("refused", "no-listener"),
    ],
)
def test_a_cell_tells_how_packet_and_answer_ended(name: str, text: str) -> None:
    chain = ANSWERS[name]
    one = Cell(path_type=chain.path_type, family=chain.question.family, chain=chain)
    assert one.disposition_text == text
    assert one.is_delivered is (text == "delivered")
    assert (one.explanation is None) is (text == "delivered")


def test_an_answer_that_gets_lost_is_no_delivery() -> None:
    """A node that is reached by its public address, but answers through the NAT gateway."""
    simulation = gua().what_if({**PUBLIC_NODE, 'route_tables.nodes.rules."0.0.0.0/0"': "natgw/nat"})
    chain = simulation.trace(CLIENT, "node/node-1", family=4, tcp=22)
    one = Cell(path_type=chain.path_type, family=chain.question.family, chain=chain)
    assert one.disposition_text == "delivered, return-lost"
    assert not one.is_delivered
    assert one.explanation is not None
    assert one.explanation.startswith("at internet/client: ")


def test_only_what_arrived_has_a_time() -> None:
    rows = [line for line in str(run_matrix(sydney())).splitlines() if line.startswith("egress  ")]
    assert "ms [" in rows[0]
    assert rows[1].split()[-2:] == ["-", "-"]


def test_a_lack_of_addresses_is_explained_without_a_place() -> None:
    lone = sydney().what_if({"pods.default/nginx-568f7cfd68-g4h2c.ipv6": None, "expect": []})
    chain = lone.trace(POD, "internet/web", family=6, tcp=80)
    assert chain.disposition is Disposition.FAMILY_UNAVAILABLE
    assert explanation(chain) == f"{POD} has no IPv6 address"


def test_the_scenarios_own_flows_are_asked_too() -> None:
    flow = {"from": POD, "to": "internet/web", "family": "ipv4", "protocol": "udp", "dport": 54}
    matrix = run_matrix(sydney().what_if({"flows": [flow, {**flow, "protocol": "icmp", "dport": None}]}))
    own = matrix.cells[-2:]
    assert [one.of_scenario for one in own] == [True, True]
    assert [str(one.path_type) for one in own] == ["egress", "egress"]
    assert own[0].disposition_text == "no-listener"
    assert f"the scenario's own: {POD} -> internet/web udp/54" in str(matrix)
    assert f"the scenario's own: {POD} -> internet/web icmp" in str(matrix)


def test_a_scenario_that_is_no_cluster_still_answers() -> None:
    matrix = run_matrix(dsflow.load({"apiVersion": "dsflow/v1", "name": "empty"}))
    assert {one.disposition_text for one in matrix.cells} == {"n/a"}
    assert "FROM" not in str(matrix)


def test_a_network_of_devices_is_asked_its_own_flows_alone() -> None:
    matrix = run_matrix(dsflow.load("two-routers"))
    assert len(matrix.cells) == len(matrix.simulation.topology.flows)
    assert all(one.of_scenario and one.path_type is None for one in matrix.cells)
    assert "n/a" not in str(matrix)
    assert "the scenario's own: h0 -> h2 udp/53" in str(matrix)


def test_a_network_of_devices_without_flows_says_that_nothing_is_asked() -> None:
    matrix = run_matrix(dsflow.load("two-routers").what_if({"flows": []}))
    assert matrix.cells == ()
    assert str(matrix).splitlines()[-1].startswith("There is no cluster and there are no flows")


def test_progress_counts_up_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    run_matrix(dsflow.load("two-pods"), lambda done, total: told.append((done, total)))
    assert told == [(number, 12) for number in range(1, 13)]


def test_a_notebook_shows_the_same(article: Matrix) -> None:
    shown = article._repr_html_()
    assert shown.count("<table>") == 2
    assert "scope-unroutable" in shown
    assert "estimate, not measured in OCI" in shown


@settings(max_examples=15)
@given(clusters())
def test_every_cell_that_is_not_delivered_is_explained(data: dict[str, Any]) -> None:
    for one in run_matrix(dsflow.load(data)).cells:
        assert one.is_delivered or one.explanation
        assert one.chain is None or one.chain.path_type is one.path_type


def test_an_on_premises_network_is_asked_in_both_families() -> None:
    matrix = run_matrix(office())
    cells = [one for one in matrix.cells if one.path_type is PathType.ON_PREMISES and not one.of_scenario]
    assert [(one.family, one.disposition_text, one.nat_text) for one in cells] == [
        (Family.IPV4, "delivered", "none"),
        (Family.IPV6, "delivered", "none"),
    ]
    assert "on-premises" in str(matrix)
