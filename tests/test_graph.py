"""The graph holds every link that packets take, and says what lies on it."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

import dsflow
from dsflow.graph import build_graph
from dsflow.scenario import embedded_names
from tests.cases import POD, sydney


@pytest.mark.parametrize("name", embedded_names())
@pytest.mark.parametrize("family", [4, 6])
def test_every_hop_of_every_chain_is_an_edge(name: str, family: int) -> None:
    simulation = dsflow.load(name)
    kinds = ("pod/", "node/", "internet/", "lb/", "device/")
    ends = [device for device in simulation.dataplane if device.startswith(kinds)]
    seen = 0
    for origin, target in product(ends, ends + [service.id for service in simulation.topology.services.values()]):
        for trace in simulation.trace(origin, target, family=family).traces:
            for here, there in pairwise(trace.hops):
                assert simulation.graph.has_edge(here.device, there.device, here.out_interface)
                seen += 1
    assert seen > 20


def test_nodes_are_devices_with_their_kind_addresses_and_place() -> None:
    graph = sydney().graph
    assert list(graph) == list(sydney().dataplane)
    pod = graph.nodes[POD]
    assert (pod["kind"], pod["addresses"]) == ("pod", ("100.0.5.102", "fd00:100:0:4:0:6ed9:2497:6dd8"))
    assert pod["source"].startswith("oke-sydney.yaml:")


def test_an_edge_tells_its_link() -> None:
    edge = sydney().graph.edges["vcn/oke", "node/node-1", "subnet/pods"]
    assert edge == {
        "in_interface": "eth1",
        "link": "node/node-1/eth1",
        "mtu_bytes": 9000,
        "delays": ("vnic",),
        "availability_domain": "AD-1",
    }
    assert set(sydney().graph["vcn/oke"]["node/node-1"]) == {"subnet/nodes", "subnet/pods"}


def test_the_unknown_internet_is_no_device() -> None:
    graph = sydney().graph
    assert set(graph["natgw/nat"]) == {"vcn/oke", "igw/igw", "internet/web", "internet/client"}
    assert None not in graph


def test_the_graph_grows_with_the_number_of_pods_and_no_faster() -> None:
    """Two links for every pod: one each way."""
    small, large = _star(20), _star(40)
    edges = [build_graph(dsflow.load(data).dataplane).number_of_edges() for data in (small, large)]
    assert edges[1] - edges[0] == 2 * 20


def _star(pods: int) -> dict[str, object]:
    return {
        "apiVersion": "dsflow/v1",
        "name": "star",
        "vcns": {"v": {"ipv4": ["10.0.0.0/16"]}},
        "subnets": {"s": {"ipv4": "10.0.0.0/24"}},
        "nodes": {"n": {"ipv4": "10.0.0.250"}},
        "pods": {f"default/p{number}": {"node": "n", "ipv4": f"10.0.0.{number + 10}"} for number in range(pods)},
    }
