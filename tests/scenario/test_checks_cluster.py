"""Pods, Services, addresses, questions."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.dataplane.service_ends import ServiceEnds
from tests.scenario.helpers import built, problems

POD = "pods.default/nginx-568f7cfd68-g4h2c"


def told(changes: dict[str, Any], base: str = "oke-sydney") -> str:
    return "\n".join(problems(changes, base))


def test_a_pods_node_exists() -> None:
    expected = f'{POD}.node: "node-4": there is no node of that name; did you mean "node-3" or "node-2"?'
    assert expected in told({f"{POD}.node": "node-4"})


def test_a_cluster_has_so_many_node_ports_and_no_more() -> None:
    many = {"type": "NodePort", "selector": {"app": "nginx"}, "ports": [{"port": port} for port in range(1, 2768)]}
    node_ports = ServiceEnds(built({"services.default/many": many})).node_ports
    assert sorted(node_ports.values()) == list(range(30000, 32768))
    more = {"type": "NodePort", "selector": {"app": "nginx"}, "ports": [{"port": 1}, {"port": 2}]}
    too_many = (
        "services.default/more: the 2,769th tcp port that needs one on the nodes: expected 2,768 at most: 30000-32767"
    )
    assert problems({"services.default/many": many, "services.default/more": more}) == [too_many]


def test_a_node_port_is_one_services_and_reached_from_outside() -> None:
    own, other = "services.default/nginx", "services.default/other"
    changes: dict[str, Any] = {
        f"{own}.ports": [{"port": 80, "node_port": 31080}],
        other: {"type": "NodePort", "selector": {"app": "nginx"}, "ports": [{"port": 80, "node_port": 31080}]},
    }
    taken = "tcp/31080, which services.default/nginx has already: expected a node port that no other Service has"
    assert problems(changes) == [f"{other}.ports[0].node_port: {taken}"]
    inside = {other: {"selector": {"app": "nginx"}, "ports": [{"port": 80, "node_port": 31080}]}}
    expected = f"{other}.ports[0].node_port: 31080 with type: ClusterIP: expected type: NodePort or LoadBalancer"
    assert problems(inside) == [expected]
    findings = built({f"{own}.ports": [{"port": 80, "node_port": 8080}]}).findings
    assert any("outside 30000-32767" in str(finding) for finding in findings)


def test_hints_stop_where_they_would_take_long() -> None:
    many = {f"default/p{n}": {"node": "nowhere-1", "host_network": True} for n in range(300)}
    nodes = {f"node-{n}": {"ipv4": f"100.0.{8 + n // 200}.{n % 200 + 9}"} for n in range(1000)}
    lines = problems(
        {"pods": many, "nodes": nodes, "services": {}, "expect": [], "subnets.wide": {"ipv4": "100.0.8.0/21"}}
    )
    assert len(lines) == 300
    assert all("there is no node of that name" in line for line in lines)


def test_a_pod_and_its_node_share_a_vcn() -> None:
    changes = {
        "vcns.far": {"ipv4": ["10.8.0.0/16"]},
        "route_tables.local.vcn": "lab",
        "subnets.nodes.vcn": "lab",
        "subnets.pods.vcn": "lab",
        "subnets.far": {"ipv4": "10.8.1.0/24", "vcn": "far"},
        "pods.default/lost": {"node": "node-1", "ipv4": "10.8.1.5"},
    }
    assert problems(changes, "two-pods") == [
        "pods.default/lost: a pod in VCN far on a node in VCN lab: expected one VCN for both; more is not modelled"
    ]


def test_a_host_network_pod_has_no_addresses_of_its_own() -> None:
    assert f"{POD}: host_network: true beside addresses or a subnet: expected one or the other" in told(
        {f"{POD}.host_network": True}
    )


@pytest.mark.parametrize("name", ["pods.default/x", "nodes.x"])
def test_what_has_no_address_is_refused(name: str) -> None:
    entry = {"node": "node-1"} if name.startswith("pods") else {}
    assert f"{name}: no address: expected ipv4, ipv6 or both" in told({name: entry})


def test_a_host_without_an_address_is_refused() -> None:
    assert "internet.x: no address: expected ipv4, ipv6 or both" in told({"internet.x": {}})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"load_balancer": None}, "no load_balancer with type: LoadBalancer: expected such as lb/NAME"),
        ({"type": "ClusterIP"}, "a load_balancer with type: ClusterIP: expected type: LoadBalancer"),
        ({"load_balancer": "lb/nginz"}, '.load_balancer: "lb/nginz": there is no load balancer of that name; did'),
        ({"ports": [{"port": 80}, {"port": 80}]}, ".ports[1]: tcp/80 again: expected every port once"),
        ({"ports": [{"port": 8, "name": "a"}, {"port": 9, "name": "a"}]}, '.ports[1].name: "a" again: expected every'),
        ({"ports": [{"port": 53, "protocol": "udp"}]}, ".ports[0]: udp/53 on a flexible load balancer: expected tcp"),
        ({"cluster_ipv4": "100.0.9.9"}, '.cluster_ipv4: "100.0.9.9", which is in 100.0.0.0/16 of VCN oke'),
        ({"cluster_ipv6": "fd00:100::9"}, '.cluster_ipv6: "fd00:100::9", which is in fd00:100::/56 of VCN oke'),
    ],
)  # fmt: skip
def test_services(changes: dict[str, Any], expected: str) -> None:
    text = told({f"services.default/nginx.{key}": value for key, value in changes.items()})
    assert f"services.default/nginx{expected if expected.startswith('.') else ': ' + expected}" in text


def test_two_services_do_not_share_a_port_of_a_load_balancer() -> None:
    other = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "nginx"}, "load_balancer": "lb/nginx"}
    assert (
        "services.default/other.ports[0]: tcp/80 on lb/nginx, which services.default/nginx has already: "
        "expected a port that no other Service has there"
    ) in told({"services.default/other": other})


@pytest.mark.parametrize(
    ("path", "address", "earlier"),
    [
        ("pods.default/nginx-568f7cfd68-pvgct.ipv4", "100.0.5.102", "pods.default/nginx-568f7cfd68-g4h2c.ipv4"),
        ("nodes.node-2.ipv6", "fd00:100:0:3:0:d02f:752e:66c7", "nodes.node-1.ipv6"),
        ("load_balancers.nginx.public_ipv4", "203.0.113.10", "gateways.nat.public_ipv4"),
        ("nodes.node-3.public_ipv4", "203.0.113.20", None),
        ("internet.client.ipv4", "198.51.100.80", "internet.web.ipv4"),
        ("internet.client.ipv6", "2001:db8:ffff::80", "internet.web.ipv6"),
        ("services.default/nginx.cluster_ipv4", "198.51.100.80", None),
        ("services.default/nginx.cluster_ipv6", "2001:db8:ffff::80", None),
    ],
)
def test_nothing_has_an_address_that_something_else_has(path: str, address: str, earlier: str | None) -> None:
    text = told({path: address})
    assert f'"{address}", which ' in text
    assert " has already: expected an address of its own" in text
    if earlier:
        assert f'{path}: "{address}", which {earlier} (' in text


def test_public_addresses_are_outside_and_in_public_subnets() -> None:
    text = told(
        {
            "nodes.node-1.public_ipv4": "100.0.9.9",
            "gateways.nat.public_ipv4": "127.0.0.1",
            "internet.web.ipv6": "ff02::1",
        }
    )
    assert (
        'nodes.node-1.public_ipv4: "100.0.9.9", which is in 100.0.0.0/16 of VCN oke: expected an address outside'
        in text
    )
    assert (
        'gateways.nat.public_ipv4: "127.0.0.1", which is in 127.0.0.0/8: expected an address that a host can have'
        in text
    )
    assert 'internet.web.ipv6: "ff02::1", which is in ff00::/8' in text
    private = '"203.0.113.20" in the private subnet lb: expected a subnet with access: public'
    assert told({"subnets.lb.access": "private"}) == f"load_balancers.nginx.public_ipv4: {private}"


def test_a_public_address_stands_for_a_private_one() -> None:
    text = told({"nodes.node-1.ipv4": None, "nodes.node-1.public_ipv4": "203.0.113.99"})
    assert "nodes.node-1: public_ipv4 without ipv4: expected the private address behind it" in text


def test_both_ends_of_a_question_exist() -> None:
    question = {"from": "pod/default/clien", "to": "pod/default/server", "family": "ipv4", "dport": 80}
    expected = (
        'flows[0].from: "pod/default/clien": there is no end point of that name; did you mean "pod/default/client"'
    )
    assert told({"flows": [question]}, "two-pods").startswith(expected)


def test_an_address_agrees_with_the_family() -> None:
    question = {"from": "pod/default/client", "to": "10.0.2.22", "family": "ipv6", "dport": 80, "source": "10.0.2.21"}
    assert problems({"flows": [question]}, "two-pods") == [
        'flows[0].to: "10.0.2.22": expected an IPv6 address, as family says',
        'flows[0].source: "10.0.2.21": expected an IPv6 address',
    ]


def test_every_kind_of_end_may_be_asked() -> None:
    ends = ("node/node-1", "service/default/nginx", "lb/nginx", "internet/web", "192.0.2.1")
    flows = [{"from": "pod/default/nginx-568f7cfd68-g4h2c", "to": end, "family": "ipv4", "dport": 80} for end in ends]
    assert len(built({"flows": flows}).flows) == len(ends)


def test_without_questions_there_is_nothing_to_check() -> None:
    assert built({"expect": []}).expect == ()


def test_service_ranges_and_what_is_in_them() -> None:
    """All at once: two of a family, one that overlaps the VCN, and a ClusterIP from elsewhere."""
    changes = {
        "service_ranges": ["10.96.0.0/16", "10.97.0.0/16", "100.0.0.0/8", "fd00:100:0:ff::/108"],
        "services.default/nginx.cluster_ipv4": "10.200.0.1",
        "services.default/nginx.cluster_ipv6": "fd00:eeee:eeee:1::1",
    }
    assert problems(changes) == [
        'service_ranges[1]: "10.97.0.0/16" beside 10.96.0.0/16: expected one IPv4 range',
        'service_ranges[2]: "100.0.0.0/8" beside 10.96.0.0/16: expected one IPv4 range',
        'service_ranges[2]: "100.0.0.0/8", which overlaps 100.0.0.0/16 of VCN oke: expected a range outside, '
        "as OKE demands",
        'service_ranges[3]: "fd00:100:0:ff::/108", which overlaps fd00:100::/56 of VCN oke: expected a range outside, '
        "as OKE demands",
        'services.default/nginx.cluster_ipv4: "10.200.0.1": expected an address in 10.96.0.0/16, the service range',
    ]
    right = {"service_ranges": ["10.96.0.0/16", "fd00:eeee:eeee:1::/108"]}
    inside = {"cluster_ipv4": "10.96.0.9", "cluster_ipv6": "fd00:eeee:eeee:1::9"}
    assert built(right | {f"services.default/nginx.{key}": value for key, value in inside.items()}).findings == ()
