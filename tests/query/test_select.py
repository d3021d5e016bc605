"""Which questions the main job asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

import dsflow
from dsflow import scenario
from dsflow.model.cluster import Pod
from dsflow.model.question import Flow
from dsflow.model.topology import Topology
from dsflow.net.address import Family
from dsflow.query.select import Selection, select
from dsflow.trace.chain import PathType
from tests.cases import CLIENT, MATE, POD, REMOTE, SERVICE, WEB, sydney
from tests.strategies import clusters


def by_path(topology: Topology, family: Family = Family.IPV6) -> dict[PathType, Selection]:
    return {one.path_type: one for one in select(topology) if one.family is family}


def ends(selection: Selection) -> tuple[str, str, int | None]:
    assert selection.flow is not None
    return selection.flow.origin, selection.flow.target, selection.flow.dport


def changed(changes: dict[str, Any], base: str = "oke-sydney") -> Topology:
    return scenario.build(scenario.with_changes(scenario.read(base), {"expect": [], **changes}))


@pytest.mark.parametrize(
    ("path_type", "expected"),
    [
        (PathType.SAME_NODE, (POD, MATE, 80)),
        (PathType.CROSS_NODE, (POD, REMOTE, 80)),
        (PathType.INGRESS, (CLIENT, SERVICE, 80)),
        (PathType.EGRESS, (POD, WEB, 80)),
        (PathType.VCN_INTERNAL, ("node/node-1", POD, 80)),
    ],
)
def test_the_articles_cluster_is_asked_by_name(path_type: PathType, expected: tuple[str, str, int]) -> None:
    topology = sydney().topology
    assert ends(by_path(topology)[path_type]) == expected


def test_every_path_type_is_there_in_both_families_and_both_ask_the_same_ends() -> None:
    chosen = select(sydney().topology)
    assert [(one.path_type, one.family) for one in chosen] == [(p, f) for p in PathType for f in Family]
    assert all((one.flow is None) != (one.missing is None) for one in chosen)
    for one, other in zip(chosen[::2], chosen[1::2], strict=True):
        assert (one.flow is None) is (other.flow is None)
        assert one.flow is None or ends(one) == ends(other)


NO_NETWORK = "no on-premises network: no generic device outside the VCNs"


def test_where_there_is_no_on_premises_network_that_is_said() -> None:
    assert by_path(sydney().topology)[PathType.ON_PREMISES].missing == NO_NETWORK


@pytest.mark.parametrize(
    ("changes", "path_type", "missing"),
    [
        ({"internet": {}}, PathType.INGRESS, "no Internet host"),
        ({"internet": {}}, PathType.EGRESS, "no Internet host that listens"),
        ({"services": {}}, PathType.INGRESS, "no Service of type LoadBalancer"),
    ],
)
def test_what_a_scenario_lacks_is_said(changes: dict[str, Any], path_type: PathType, missing: str) -> None:
    assert by_path(changed(changes))[path_type].missing == missing


def test_a_scenario_without_pods_or_nodes_says_so() -> None:
    topology = scenario.build(scenario.read({"apiVersion": "dsflow/v1", "name": "empty"}))
    assert [one.missing for one in select(topology)[::2]] == [
        "no two pods on one node, one of them listening",
        "no two pods on different nodes, one of them listening",
        "no Internet host",
        "no pod with addresses of its own",
        "no node",
        NO_NETWORK,
    ]


def test_generic_devices_alone_have_no_path_types() -> None:
    assert select(scenario.build(scenario.read("two-routers"))) == ()


ON_PREMISES: dict[str, Any] = {
    "links": {"l": {}},
    "devices": {
        "fw": {
            "interfaces": {
                "vnic": {"link": "subnet/lb", "addresses": ["100.0.2.77/24"]},
                "e1": {"link": "l", "addresses": ["10.77.0.1/24"]},
            },
            "listen": ["tcp/1"],
        },
        "desk": {"interfaces": {"e0": {"link": "l", "addresses": ["10.77.0.2/24"]}}, "listen": ["tcp/22"]},
    },
}


def test_on_premises_is_the_first_device_outside_that_listens() -> None:
    chosen = by_path(changed(ON_PREMISES))[PathType.ON_PREMISES]
    assert ends(chosen) == (POD, "device/desk", 22)
    silent = by_path(changed(ON_PREMISES | {"devices.desk.listen": []}))[PathType.ON_PREMISES]
    assert silent.missing == "no generic device outside the VCNs that listens"


def test_on_premises_is_asked_only_where_a_path_leads_there() -> None:
    """By a DRG, by an appliance, or over other devices behind them."""
    cut = changed(ON_PREMISES | {"devices.fw.interfaces.e1": None})
    assert by_path(cut)[PathType.ON_PREMISES].missing == (
        "no DRG and no appliance leads to a generic device outside the VCNs that listens"
    )
    topology = changed({}, "onprem-firewall")
    assert ends(by_path(topology)[PathType.ON_PREMISES]) == ("pod/default/cart", "device/files", 445)
    away = changed({"devices.edge.interfaces.lan": None}, "onprem-firewall")
    assert by_path(away)[PathType.ON_PREMISES].flow is None


def test_without_a_listening_pod_no_pod_is_asked() -> None:
    topology = changed({"pods.default/server.listen": []}, "two-pods")
    assert by_path(topology)[PathType.VCN_INTERNAL].missing == "no pod that listens"


def test_a_pod_that_shares_its_node_with_no_listener_leaves_the_question_to_the_next() -> None:
    moves: dict[str, Any] = {f"pods.{pod.removeprefix('pod/')}.node": "node-3" for pod in (MATE, REMOTE)}
    assert ends(by_path(changed(moves))[PathType.CROSS_NODE]) == (POD, MATE, 80)
    assert ends(by_path(changed(moves))[PathType.SAME_NODE])[0] == POD  # the resolver on node-1 listens
    silent = moves | {"pods.kube-system/coredns-bfd957d6b-ddr79.listen": []}
    assert ends(by_path(changed(silent))[PathType.SAME_NODE])[:2] == (MATE, REMOTE)


def brute_force(topology: Topology, *, same: bool) -> tuple[str, str] | None:
    pods = [pod for pod in topology.pods.values() if not pod.host_network]
    vcns = {node.name: topology.subnets[node.subnet].vcn for node in topology.nodes.values()}

    def pairs() -> Iterator[tuple[Pod, Pod]]:
        listening = ((a, b) for a in pods for b in pods if a is not b and b.listen and vcns[a.node] == vcns[b.node])
        yield from ((a, b) for a, b in listening if (a.node == b.node) is same)

    return min(((a.id, b.id) for a, b in pairs()), default=None)


@settings(max_examples=40)
@given(clusters())
def test_the_pair_is_the_first_of_all_eligible_ones(data: dict[str, Any]) -> None:
    topology = scenario.build(scenario.read(data))
    chosen = by_path(topology)
    for path_type, same in ((PathType.SAME_NODE, True), (PathType.CROSS_NODE, False)):
        flow = chosen[path_type].flow
        assert (None if flow is None else (flow.origin, flow.target)) == brute_force(topology, same=same)


@settings(max_examples=30)
@given(clusters())
def test_what_is_asked_has_the_path_type_it_stands_for(data: dict[str, Any]) -> None:
    simulation = dsflow.load(data)
    for one in select(simulation.topology):
        if isinstance(one.flow, Flow):
            assert simulation.path_type(one.flow.origin, one.flow.target) is one.path_type
