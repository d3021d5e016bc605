"""Text models to the model."""

from __future__ import annotations

from typing import Any

from dsflow import scenario
from dsflow.model.cluster import Listener
from dsflow.model.internet import Access
from dsflow.model.question import Expectation, Flow
from dsflow.model.vcn import InternetGateway, NatGateway, Origin, RouteRule, ServiceGateway
from dsflow.net.address import Address, Family, Prefix
from tests.scenario.helpers import TEXT, built, problems

MINIMAL: dict[str, Any] = {"apiVersion": "dsflow/v1", "name": "x"}


def test_a_scenario_may_be_empty() -> None:
    topology = scenario.build(scenario.read(MINIMAL))
    assert (topology.name, topology.pods, topology.findings) == ("x", {}, ())


def test_subnets_are_found_by_address() -> None:
    topology = built({})
    assert {pod.subnet for pod in topology.pods.values()} == {"pods", None}
    assert {node.subnet for node in topology.nodes.values()} == {"nodes"}
    assert topology.load_balancers["nginx"].subnet == "lb"


def test_the_only_vcn_need_not_be_named() -> None:
    topology = built({})
    assert {entry.vcn for entry in (*topology.subnets.values(), *topology.gateways.values())} == {"oke"}


def test_with_two_vcns_each_object_names_its_own() -> None:
    told = problems({"vcns.other": {"ipv4": ["10.0.0.0/16"]}})
    assert "gateways.igw: no vcn, and there are oke, other: expected the name of its VCN" in told
    assert len([line for line in told if "no vcn" in line]) == 8


def test_without_a_vcn_there_is_nowhere_to_be() -> None:
    assert "subnets.pods: no vcn, and there is none: expected the name of its VCN" in problems({"vcns": {}})


def test_gateways_are_built_by_kind() -> None:
    label = "all-syd-services"
    topology = built({"gateways.sgw": {"kind": "service", "services": {label: ["134.70.0.0/16"]}, "enabled": False}})
    assert isinstance(topology.gateways["igw"], InternetGateway)
    nat = topology.gateways["nat"]
    assert isinstance(nat, NatGateway)
    assert nat.public_ipv4 == Address.parse("203.0.113.10")
    sgw = topology.gateways["sgw"]
    assert isinstance(sgw, ServiceGateway)
    assert sgw.services == ((label, (Prefix.parse("134.70.0.0/16"),)),)
    assert not sgw.enabled


def test_rules_keep_their_order_and_source() -> None:
    first, second = built({}).route_tables["pods"].rules
    assert (first.destination, first.target) == (Prefix.parse("0.0.0.0/0"), "natgw/nat")
    assert (second.destination, second.target) == (Prefix.parse("::/0"), "igw/igw")
    assert isinstance(first, RouteRule)
    assert first.source.startswith("oke-sydney.yaml:")


def test_prefixes_carry_their_origin() -> None:
    origins = [entry.origin for entry in built({}).vcns["oke"].ipv6]
    assert origins == [Origin.ULA, Origin.ORACLE_GUA]


def test_the_namespaces_of_pods_and_services_exist() -> None:
    topology = built({"namespaces.default": {"labels": {"team": "a"}}, "namespaces.empty": {}})
    assert list(topology.namespaces) == ["default", "empty", "kube-system"]
    assert topology.namespaces["default"].labels == (("team", "a"),)


def test_a_host_network_pod_has_its_nodes_addresses() -> None:
    pod = built({}).pods["kube-system/kube-proxy-5cwj5"]
    assert (pod.host_network, pod.subnet, pod.address(Family.IPV4)) == (True, None, None)


def test_a_service_port_is_its_own_target_port() -> None:
    topology = built({"services.default/nginx.ports": [{"port": 8080}]})
    assert topology.services["default/nginx"].ports[0].target_port == 8080


def test_internet_hosts_are_attached_somehow() -> None:
    client = built({}).internet["client"]
    assert (client.access, client.distance_km) == (Access.FIXED, 20.0)
    assert built({}).internet["web"].listen == (Listener("tcp", 80), Listener("tcp", 443), Listener("udp", 53))


def test_a_question_fills_in_the_first_packet() -> None:
    flow = {"from": "pod/default/client", "to": "10.0.2.22", "family": "ipv4", "protocol": "icmp"}
    udp = flow | {"protocol": "udp", "dport": 53, "size": 600, "df": True, "ttl": 3, "sport": 9, "source": "10.0.2.21"}
    topology = built({"flows": [flow, udp]}, "two-pods")
    assert topology.flows == (
        Flow(origin="pod/default/client", target="10.0.2.22", family=Family.IPV4, protocol="icmp"),
        Flow(
            origin="pod/default/client",
            target="10.0.2.22",
            family=Family.IPV4,
            protocol="udp",
            dport=53,
            size_bytes=600,
            dont_fragment=True,
            ttl=3,
            sport=9,
            source_address="10.0.2.21",
        ),
    )


def test_an_expectation_holds_the_keys_that_were_written() -> None:
    question = {"from": "pod/default/client", "to": "pod/default/server", "family": "ipv4", "dport": 80}
    topology = built(
        {"expect": [question | {"nat": "none", "path_type": None}, question | {"nat": ["gateway-snat"]}]}, "two-pods"
    )
    first, second = topology.expect
    assert isinstance(first, Expectation)
    assert first.expected == (("path_type", None), ("nat", ()))
    assert second.expected == (("nat", ("gateway-snat",)),)


def test_questions_that_make_no_packet_are_refused() -> None:
    question = {"from": "pod/default/client", "to": "pod/default/server", "family": "ipv4"}
    small = question | {"family": "ipv6", "protocol": "icmp", "size": 47}
    changes = {
        "flows": [question, question | {"protocol": "icmp", "dport": 80}, small],
        "expect": [question | {"dport": 80}, question | {"dport": 1, "disposition": None}],
    }
    told = problems(changes, "two-pods")
    assert told == [
        "flows[0]: no dport: expected a destination port for tcp",
        "flows[1]: a port beside protocol: icmp: expected no port",
        "flows[2].size: 47: expected at least the 48 bytes of the headers",
        "expect[0]: nothing that must hold: expected at least one of disposition, path_type, nat, round_trip",
        "expect[1].disposition: nothing: expected a disposition, or no such key",
    ]


def test_sources_of_a_mapping_are_dotted_paths() -> None:
    document = scenario.read(scenario.to_data(built({})))
    assert scenario.build(document).vcns["oke"].ipv6[1].source == "vcns.oke.ipv6[1]"


def test_a_topology_has_the_source_of_each_object() -> None:
    topology = built({}, "two-pods")
    text = TEXT.read_text().splitlines()
    for name, pod in topology.pods.items():
        file, _, line = pod.source.partition(":")
        assert file == "two-pods.yaml"
        assert text[int(line) - 1].strip().startswith(f"{name}:")
