"""Where things stand in a drawing."""

from __future__ import annotations

import pytest

import dsflow
from dsflow.report import layout
from dsflow.report.boxes import Role
from dsflow.report.layout import lay_out, short_name
from tests.cases import POD, SERVICE_GATEWAY, sydney
from tests.clusters import seeded
from tests.report.drawings import assert_tidy, holds

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_are_nested_or_apart(seed: int) -> None:
    assert_tidy(lay_out(seeded(seed).topology))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_device_has_its_box(seed: int) -> None:
    assert set(lay_out(seeded(seed).topology).devices) == set(seeded(seed).dataplane)


def test_a_pod_stands_in_its_node_and_the_node_in_its_subnet() -> None:
    drawn = lay_out(sydney().topology)
    assert holds(drawn.devices["node/node-1"], drawn.devices[POD])
    region = next(box for box in drawn.boxes if box.title == "subnet/nodes")
    assert holds(region, drawn.devices["node/node-1"])
    assert not any(box.title == "subnet/pods" for box in drawn.boxes), "it is told inside the nodes"
    assert sum(box.role is Role.HOST_POD for box in drawn.boxes) == 12


def test_a_disabled_gateway_says_so() -> None:
    drawn = lay_out(sydney().what_if({"gateways.nat.enabled": False}).topology)
    assert drawn.devices["natgw/nat"].detail == "disabled"


def test_a_load_balancer_may_stand_among_nodes_and_a_service_gateway_on_the_border() -> None:
    changes = SERVICE_GATEWAY | {"load_balancers.nginx.subnet": "nodes", "load_balancers.nginx.ipv4": "100.0.3.10"}
    changes |= {"load_balancers.nginx.ipv6": None}
    drawn = lay_out(sydney().what_if(changes).topology)
    assert_tidy(drawn)
    region = next(box for box in drawn.boxes if box.title == "subnet/nodes")
    assert holds(region, drawn.devices["lb/nginx"])
    assert drawn.devices["sgw/sgw"].detail == "service gateway"


def test_of_very_many_the_rest_is_a_number() -> None:
    simulation = dsflow.load(_crowd(nodes=30, pods=40))
    kept = "pod/default/n27-p39"
    drawn = lay_out(simulation.topology, keep={kept, "node/n28"})
    assert_tidy(drawn)
    assert kept in drawn.devices
    assert "node/n28" in drawn.devices
    assert sum(device.startswith("node/") for device in drawn.devices) == layout.MOST_NODES + 2
    titles = [box.title for box in drawn.boxes]
    assert "and 16 more nodes" in titles
    assert "pods in subnet/s, and 16 more" in titles
    assert "pods in subnet/s, and 15 more" in titles


def _crowd(*, nodes: int, pods: int) -> dict[str, object]:
    return {
        "apiVersion": "dsflow/v1",
        "name": "crowd",
        "vcns": {"v": {"ipv4": ["10.0.0.0/16"]}},
        "subnets": {"s": {"ipv4": "10.0.0.0/16"}},
        "nodes": {f"n{node}": {"ipv4": f"10.0.255.{node + 10}"} for node in range(nodes)},
        "pods": {
            f"default/n{node}-p{pod}": {"node": f"n{node}", "ipv4": f"10.0.{node}.{pod + 10}"}
            for node in range(nodes)
            for pod in range(pods)
        },
    }


def test_generated_parts_of_a_name_are_set_apart() -> None:
    assert short_name("kube-dns-autoscaler-7f9c9ddb55-c4vdd") == ("kube-dns-autoscaler", "c4vdd")
    assert short_name("vcn-native-ip-cni-8qfhn") == ("vcn-native-ip-cni", "8qfhn")
    assert short_name("web-0") == ("web-0", "")
