"""What exists, as rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.errors import UsageError
from dsflow.query.listing import KINDS, kind_of, listing
from dsflow.query.table import plain
from tests.cases import AS_BUILT, PUBLIC_NODE, SERVICE_GATEWAY, sydney
from tests.peered import OWN_TABLES, peered


def _having(kind: str) -> Simulation:
    """A scenario in which there is something of a kind."""
    if kind == "links":
        return dsflow.load("two-routers")
    rules: dict[str, Any] = {"ingress": [{"from": "::/0", "protocol": "tcp", "dport": 80}], "egress": [{"to": "nsg/a"}]}
    return sydney().what_if({"nsgs": {"a": rules}, "network_policies": {"default/p": {}}})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed_in_every_form(kind: str) -> None:
    found = listing(_having(kind), kind)
    narrow, wide = found.table(), found.table(wide=True)
    assert found.entries
    assert len(set(found.ids())) == len(found.entries)
    assert wide.headers[: len(narrow.headers)] == narrow.headers == found.columns[: found.shown]
    data = json.loads(json.dumps(found.to_json()))
    assert [item["id"] for item in data["items"]] == list(found.ids())
    keys = {"id", *(column.lower().replace("-", "_") for column in found.columns)}
    assert all(item.keys() == keys for item in data["items"])


def test_pods_are_the_articles_listing_with_their_nodes() -> None:
    table = listing(sydney(), "pods").table()
    assert table.headers == ("NS", "NAME", "IPv4", "IPv6", "NODE")
    assert len(table.rows) == 19
    assert table.rows[0].cells == (
        "default",
        "nginx-568f7cfd68-g4h2c",
        "100.0.5.102",
        "fd00:100:0:4:0:6ed9:2497:6dd8",
        "node-1",
    )


def test_host_network_pods_show_their_nodes_addresses() -> None:
    rows = {row.cells[1]: row.cells for row in listing(sydney(), "pods").table().rows}
    assert rows["kube-proxy-5cwj5"][2:] == ("100.0.3.117", "fd00:100:0:3:0:eab9:9713:9d05", "node-2")


def test_a_lacking_address_is_none() -> None:
    lone = dsflow.load("two-pods").what_if({"pods.default/server.ipv6": None})
    found = listing(lone, "pods")
    assert "<none>" in plain([found.table()]).splitlines()[2]
    assert found.to_json()["items"][1]["ipv6"] is None


def test_links_show_who_is_on_them() -> None:
    rows = [row.cells for row in listing(dsflow.load("lan-segment"), "links").table().rows]
    assert rows[0] == ("lan", "lan", "5", "h0:e0,h1:e0,h2:e0,r0:e0,r1:e0")
    assert rows[1][1:] == ("point-to-point", "2", "r0:e1,n0:e0")


def test_generic_devices_show_their_addresses_and_routes() -> None:
    network = dsflow.load("two-routers")
    device = listing(network, "devices").to_json()["items"][1]
    assert (device["id"], device["kind"], device["interfaces"], device["names"]) == (
        "device/r0",
        "device",
        3,
        ["e0", "e1", "lo"],
    )
    assert device["addresses"] == ["10.1.0.1", "fd00:1::1", "10.1.1.1", "fd00:1:1::1", "192.0.2.1"]
    routes = {entry.id: entry.values[:3] for entry in listing(network, "routes").entries}
    told = {name: tuple(map(str, values)) for name, values in routes.items()}
    assert told["device/r0/routes#1"] == ("device/r0", "10.1.0.0/16", "10.1.1.2 e1")
    assert told["device/r0/routes#3"] == ("device/r0", "10.1.9.0/24", "unreachable")
    on_link = listing(dsflow.load("lan-segment"), "routes").entries
    assert "e0" in [entry.values[2] for entry in on_link]


def test_a_drg_shows_its_far_side_and_its_routes() -> None:
    mixed = dsflow.load("onprem-firewall")
    gateway = listing(mixed, "gateways").to_json()["items"][1]
    assert (gateway["link"], gateway["addresses"]) == ("wan", ["10.255.0.1/30", "fd00:ff::1/64"])
    assert ("wan", "point-to-point", "2", "edge:wan,drg/office:wan") in [
        row.cells for row in listing(mixed, "links").table().rows
    ]
    assert listing(mixed, "routes").ids()[-2:] == ("drg/office/routes#1", "drg/office/routes#2")


def test_lists_numbers_and_truths_stay_what_they_are_in_data() -> None:
    (item,) = listing(sydney(), "services").to_json()["items"]
    assert (item["ports"], item["backends"], item["load_balancer"]) == (["tcp/80"], 3, "lb/nginx")
    gateways = listing(sydney(), "gateways")
    assert [entry["enabled"] for entry in gateways.to_json()["items"]] == [True, True]
    assert gateways.table().rows[0].cells[3] == "yes"
    assert listing(sydney(), "hosts").table(wide=True).rows[0].cells[4] == "600"


def test_public_addresses_and_service_labels_are_shown() -> None:
    simulation = sydney().what_if({**PUBLIC_NODE, **SERVICE_GATEWAY})
    gateway = listing(simulation, "gateways").to_json()["items"][-1]
    assert (gateway["id"], gateway["services"]) == ("sgw/sgw", ["all"])
    node = listing(simulation, "nodes").to_json()["items"][0]
    assert (node["public_ipv4"], node["listen"]) == ("203.0.113.77", ["tcp/22"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [("pods", "pods"), ("pod", "pods"), ("PO", "pods"), ("svc", "services"), ("lb", "load-balancers"),
     ("internet", "hosts"), ("gateway", "gateways")],
)  # fmt: skip
def test_a_kind_is_known_by_several_names(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_an_unknown_kind_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match=r'^"sbnets": no such kind; there is pods, .*did you mean "subnets"'):
        kind_of("sbnets")


def test_services_show_their_node_ports_where_there_are_such() -> None:
    """As written, or as chosen; the article has none."""

    def ports(name: str | dict[str, Any], **changes: Any) -> list[str]:
        simulation = dsflow.load(name).what_if(changes) if changes else dsflow.load(name)
        (item,) = listing(simulation, "services").to_json()["items"]
        found: list[str] = item["ports"]
        return found

    assert ports("oke-sydney-gua") == ["tcp/80"]
    assert ports(AS_BUILT) == ["tcp/80:31080"]
    (chosen,) = ports(AS_BUILT, **{"services.default/nginx.ports": [{"port": 80}]})
    assert 30000 <= int(chosen.partition(":")[2]) <= 32767


def test_vnics_are_those_of_nodes_balancers_and_devices() -> None:
    """Owner, interface, subnet, how many addresses of each family, and the table that serves it."""
    simulation = peered().what_if(OWN_TABLES)
    rows = {entry.id: entry.values[:6] for entry in listing(simulation, "vnic").entries}
    assert rows["node/node-1/eth1"] == ("node/node-1", "eth1", "pods", 1, 1, "spoke")
    assert rows["node/hub-node/eth0"] == ("node/hub-node", "eth0", "data", 1, 1, "none")
    assert rows["device/firewall/vnic"] == ("device/firewall", "vnic", "data", 1, 1, "hub")
    assert rows["device/database/vnic"][-1] == "inspected"
    assert ("lb/nginx", "eth0", "lb") in [entry.values[:3] for entry in listing(sydney(), "vnics").entries]
    counted = {entry.id: entry.values[3:5] for entry in listing(sydney(), "vnics").entries}
    pods = [pod for pod in sydney().topology.pods.values() if pod.node == "node-1" and not pod.host_network]
    assert counted["node/node-1/eth1"] == (len(pods), len(pods))


def test_a_wide_listing_of_nodes_shows_what_they_can_hold() -> None:
    found = listing(sydney().what_if({"nodes.node-1.pod_vnics": 1, "nodes.node-2.max_pods": 20}), "nodes")
    assert [item["capacity"] for item in found.to_json()["items"]][:3] == [31, 20, 110]


def test_a_table_shows_who_else_has_it_and_a_gateway_its_peer() -> None:
    simulation = peered().what_if(OWN_TABLES | {"gateways.office.route_table": "none"})
    others = {entry.values[0]: entry.values[5] for entry in listing(simulation, "routes").entries}
    assert others["hub"] == ("pod/default/tool", "device/firewall/vnic")
    gateways = {item["id"]: item for item in listing(simulation, "gateways").to_json()["items"]}
    assert gateways["lpg/to-hub"]["peer"] == "lpg/to-spoke"
    assert gateways["drg/office"]["route_table"] == "none"
