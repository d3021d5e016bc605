"""Topologies as text, and back."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow import scenario
from dsflow.net.address import Family
from dsflow.scenario import text, write
from dsflow.scenario.sources import without_sources
from tests.clusters import as_built, random_cluster
from tests.scenario.helpers import built
from tests.secured import secured
from tests.strategies import clusters, networks, scenario_data


def round_trip_of(source: str | dict[str, Any]) -> None:
    topology = scenario.build(scenario.read(source))
    again = scenario.build(text.parse(scenario.to_yaml(topology).encode(), "again.yaml"))
    assert without_sources(again) == without_sources(topology)
    assert without_sources(scenario.build(scenario.read(scenario.to_data(topology)))) == without_sources(topology)


@pytest.mark.parametrize("name", scenario.embedded_names())
def test_the_embedded_scenarios_survive_the_round_trip(name: str) -> None:
    round_trip_of(name)


@settings(max_examples=60)
@given(scenario_data())
def test_every_scenario_survives_the_round_trip(data: dict[str, Any]) -> None:
    round_trip_of(data)


@settings(max_examples=40)
@given(clusters(), st.randoms(use_true_random=False))
def test_every_cluster_as_built_survives_the_round_trip(data: dict[str, Any], random: Random) -> None:
    round_trip_of(as_built(random, data))


@settings(max_examples=60)
@given(networks())
def test_every_network_of_devices_survives_the_round_trip(data: dict[str, Any]) -> None:
    round_trip_of(data)


@pytest.mark.parametrize("seed", range(20))
def test_security_rules_and_policies_survive_the_round_trip(seed: int) -> None:
    round_trip_of(secured(Random(seed), random_cluster(Random(seed))))


def test_no_lists_at_all_are_another_thing_than_lists_that_nobody_described() -> None:
    subnets = scenario.to_data(built({"subnets.pods.security_lists": []}))["subnets"]
    assert subnets["pods"]["security_lists"] == []
    assert "security_lists" not in subnets["lb"]


def test_a_device_takes_a_line_for_each_part() -> None:
    lines = scenario.to_yaml(built({}, "nat-box")).splitlines()
    assert "  inside: {}" in lines
    assert "    forwarding: true" in lines
    assert '      e0: {link: inside, addresses: [192.168.1.1/24, "2001:db8:a::1/64"]}' in lines
    assert "      - {hook: postrouting, family: ipv4, out_interface: e1, action: masquerade}" in lines
    assert "    listen: [tcp/8080]" in lines


def test_rare_parts_of_devices_survive_the_round_trip() -> None:
    rules = [
        {"hook": "output", "protocol": "udp", "dport": "1-9", "action": "dnat", "to_address": "fd00::1", "to_port": 5}
    ]
    changes: dict[str, Any] = {
        "devices.r0.rp_filter": "loose",
        "devices.r0.icmp_rate_limit": True,
        "devices.r0.forwarding": {"ipv6": True},
        "devices.r0.nat": rules,
        "devices.r1.rp_filter": "off",
        "devices.alone": {},
        "devices.h0.interfaces.lo": {},
        "expect": [],
    }
    topology = built(changes, "two-routers")
    again = scenario.build(text.parse(scenario.to_yaml(topology).encode(), "again.yaml"))
    assert without_sources(again) == without_sources(topology)
    assert scenario.to_data(topology)["devices"]["r0"]["nat"] == [rules[0] | {"family": "ipv6"}]


def test_two_vcns_survive_the_round_trip() -> None:
    changes: dict[str, Any] = {f"{path}.vcn": "lab" for path in ("subnets.nodes", "subnets.pods", "route_tables.local")}
    changes["vcns.far"] = {"ipv4": ["10.8.0.0/16"]}
    changes["gateways.far"] = {"kind": "internet", "vcn": "far", "enabled": False}
    topology = built(changes, "two-pods")
    again = scenario.build(scenario.read(scenario.to_data(topology)))
    assert without_sources(again) == without_sources(topology)


def test_pods_and_services_as_kube_proxy_sees_them_survive_the_round_trip() -> None:
    pods = list(built({}).pods)
    changes: dict[str, Any] = {
        f"pods.{pods[0]}.ready": False,
        f"pods.{pods[1]}.terminating": True,
        "services.default/nginx.session_affinity": "ClientIP",
    }
    topology = built(changes)
    assert (topology.pods[pods[0]].ready, topology.pods[pods[1]].terminating) == (False, True)
    assert topology.services["default/nginx"].session_affinity == "ClientIP"
    again = scenario.build(scenario.read(scenario.to_data(topology)))
    assert without_sources(again) == without_sources(topology)


def test_all_that_is_said_of_services_and_load_balancers_survives_the_round_trip() -> None:
    own = "services.default/nginx"
    changes: dict[str, Any] = {
        "profile": "as-built",
        "load_balancers.nginx.kind": "network",
        "load_balancers.nginx.is_fail_open": True,
        "load_balancers.other": {"ipv4": "100.0.2.77", "backends": "pods"},
        "nodes.node-1.labels": {"oci.oraclecloud.com/ip-family-ipv6": "true"},
        f"{own}.ports": [{"port": 80, "target_port": "web"}],
        f"{own}.external_traffic_policy": "Local",
        f"{own}.ip_family_policy": "PreferDualStack",
        f"{own}.ip_families": ["ipv6", "ipv4"],
        f"{own}.load_balancer_source_ranges": ["198.51.100.0/24", "2001:db8::/32"],
        f"{own}.health_check_node_port": 30123,
        f"{own}.annotations": {"oci.oraclecloud.com/load-balancer-type": "nlb", "note": "a: {b} # c"},
        "services.default/names": {"headless": True, "ports": [{"port": 80}], "selector": {"app": "nginx"}},
    }
    topology = built(changes)
    assert topology.services["default/nginx"].families == (Family.IPV6, Family.IPV4)
    assert topology.services["default/nginx"].ports[0].target_port == "web"
    again = scenario.build(text.parse(scenario.to_yaml(topology).encode(), "again.yaml"))
    assert without_sources(again) == without_sources(topology)


def test_written_objects_take_one_line() -> None:
    lines = scenario.to_yaml(built({}, "two-pods")).splitlines()
    assert '  node-1: {ipv4: 10.0.1.11, ipv6: "fd00:10:0:1::11", availability_domain: AD-1}' in lines


def test_sources_are_what_is_stripped() -> None:
    topology = built({}, "two-pods")
    assert topology.pods["default/client"].source
    assert not without_sources(topology).pods["default/client"].source
    assert without_sources(topology) != topology


_PIECES = st.sampled_from(
    ["no", "Yes", "1:20", "0x1", "é", "\u2028", "\x85", "{", "#", ": ", "'", '"', "\\", "\n", "😀", "null"]
)


@given(st.text(max_size=8) | st.lists(_PIECES, max_size=4).map("".join))
def test_any_text_is_written_so_that_every_reader_takes_it_for_that_text(value: str) -> None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        return
    line = f"a: [{write.scalar(value)}]\n"
    assert text.parse(line.encode(), "a.yaml").data == {"a": [value]}
    assert yaml.safe_load(line) == {"a": [value]}


@pytest.mark.parametrize("value", [None, True, False, 0, -7, 65535, 0.5, 1e-07, 12345.678])
def test_other_scalars_are_read_back(value: object) -> None:
    assert text.parse_value(write.scalar(value)) == value
