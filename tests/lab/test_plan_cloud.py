"""The cloud's stand-ins as commands."""

from __future__ import annotations

import os
import subprocess
import sys

import dsflow
from dsflow.lab.command import Tool
from dsflow.lab.plan import Plan, make_plan
from dsflow.net.address import Address
from tests.cases import PUBLIC_NODE, SERVICE_GATEWAY, gua, office, sydney
from tests.lab.hand import needs_lab
from tests.lab.test_plan import removed, texts
from tests.peered import OWN_TABLES, peered


def plan_of(name: str) -> Plan:
    return make_plan(dsflow.load(name).topology, "x")


def within(plan: Plan, device: str, tool: Tool = Tool.IP) -> list[str]:
    return texts(plan, tool, plan.namespaces[device])


def test_every_device_has_a_twin() -> None:
    for simulation in (sydney(), gua(), office(), peered()):
        plan = make_plan(simulation.topology, "x")
        assert set(plan.twins) == set(simulation.dataplane)
        assert {twin.namespace for twin in plan.twins.values()} <= set(plan.namespaces.values())


def test_a_pod_has_one_way_out_and_does_not_route() -> None:
    plan = plan_of("two-pods")
    pod = within(plan, "pod/default/client")
    assert "addr add 10.0.2.21/32 dev eth0" in pod
    assert [text for text in pod if text.startswith("route")] == [
        "route add 0.0.0.0/0 via 169.254.0.5 dev eth0 onlink",
        "route add ::/0 via fe80::a9fe:5 dev eth0",
    ]
    assert "net.ipv4.ip_forward=0" in within(plan, "pod/default/client", Tool.SYSCTL)


def test_a_node_sends_pods_out_by_the_vnic_of_their_subnet() -> None:
    plan = plan_of("two-pods")
    node = within(plan, "node/node-1")
    (rule,) = [text for text in node if text.startswith("rule add iif pod0")]
    table = rule.split()[5]
    assert f"route add 0.0.0.0/0 via 169.254.0.2 dev eth1 onlink table {table}" in node
    assert f"route add 10.0.2.22/32 via 169.254.0.7 dev eth1 onlink table {table}" in node, "same subnet: no router"
    assert "route add 10.0.2.22/32 via 169.254.0.7 dev eth0 onlink" not in node
    (rule,) = [text for text in node if text.startswith("rule add iif eth1")]
    assert f"route add blackhole 0.0.0.0/0 table {rule.split()[5]}" in node


def test_a_node_checks_the_sources_of_its_vnics() -> None:
    (rules,) = within(plan_of("two-pods"), "node/node-1", Tool.NFT)
    assert 'oifname "eth1" meta nfproto ipv4 ip saddr != { 10.0.2.21 } drop' in rules
    assert "hook postrouting" in rules


def test_the_fabric_is_bridges_and_a_router() -> None:
    plan = plan_of("two-pods")
    fabric = within(plan, "vcn/lab")
    assert sum("type bridge " in text for text in fabric) == 2
    assert "fdb replace 02:00:00:01:00:01 dev s1p0 master static" in within(plan, "vcn/lab", Tool.BRIDGE)
    assert "rule del pref 0" in fabric, "nothing is for the router itself"
    twin = plan.twins["vcn/lab"]
    assert twin.trace_name("br0") is None
    assert twin.trace_name("s1p0") == "subnet/pods"
    assert twin.switches


def test_a_load_balancers_port_is_called_by_its_name() -> None:
    plan = make_plan(gua().topology, "x")
    assert "lb/nginx" in plan.twins["vcn/oke"].names.values()
    assert [(port.address.family, port.port, len(port.backends)) for port in plan.proxies] == [(4, 80, 3), (6, 80, 3)]
    daemons = within(plan, "lb/nginx", Tool.DAEMON)
    assert daemons == [port.daemon(port.backends[0]) for port in plan.proxies]


def test_who_takes_a_packet_off_the_wire() -> None:
    """In a subnet the bridge takes it to its owner, and the rest to the router."""
    plan = plan_of("two-pods")
    fabric = "vcn/lab", "subnet/pods"
    assert plan.hardware_address(fabric, Address.parse("10.0.2.22")) == "02:00:00:02:00:01"
    assert plan.hardware_address(fabric, Address.parse("10.0.2.99")) == "02:00:00:00:00:01"
    assert plan.hardware_address(fabric, None) == "02:00:00:00:00:01"
    assert plan.hardware_address(None, None) == plan.hardware_address(("node/none", "eth0"), None)
    assert plan.kernel_name("node/node-1", "pod/default/client") == "pod0"
    assert plan.kernel_name("node/node-1", "eth7") == "eth7"


def test_a_gateway_exchanges_addresses_both_ways() -> None:
    plan = make_plan(gua().what_if(PUBLIC_NODE).topology, "x")
    (rules,) = within(plan, "igw/igw", Tool.NFT)
    assert "203.0.113.77 : 100.0.3.90" in rules
    assert "100.0.3.90 : 203.0.113.77" in rules
    assert 'oifname "internet" ip saddr != { 100.0.3.90, 100.0.2.10 } drop' in rules
    assert "icmpv6 type nd-redirect drop" in rules
    assert plan.twins["igw/igw"].tracks


def test_a_gateway_without_public_addresses_lets_no_ipv4_out() -> None:
    changes = {"load_balancers.nginx.public_ipv4": None}
    (rules,) = within(make_plan(gua().what_if(changes).topology, "x"), "igw/igw", Tool.NFT)
    assert 'oifname "internet" drop' in rules
    assert "map" not in rules


def test_a_nat_gateway_draws_ports_of_its_pool() -> None:
    (rules,) = within(make_plan(gua().topology, "x"), "natgw/nat", Tool.NFT)
    assert "meta l4proto { tcp, udp } snat to 203.0.113.10:1024-65535" in rules
    assert 'iifname "vcn" meta nfproto ipv6 drop' in rules


def test_a_disabled_gateway_drops_everything() -> None:
    (rules,) = within(make_plan(gua().what_if({"gateways.igw.enabled": False}).topology, "x"), "igw/igw", Tool.NFT)
    assert rules.splitlines()[3].strip() == "drop"


def test_a_service_gateway_is_on_the_internets_wire() -> None:
    plan = make_plan(gua().what_if(SERVICE_GATEWAY).topology, "x")
    assert any(text.startswith("addr add 134.70.0.10") for text in within(plan, "internet/objects"))
    assert any("134.70.0.10/32 via" in text and "oracle-services" in text for text in within(plan, "sgw/sgw"))


def test_a_device_in_a_subnet_asks_for_nobody() -> None:
    plan = make_plan(office().topology, "x")
    commands = within(plan, "device/database")
    assert "link set dev vnic arp off" in commands
    router = plan.hardware_address(("vcn/oke", "subnet/data"), None)
    assert f"neigh replace 10.0.8.1 lladdr {router} dev vnic nud permanent" in commands
    (rules,) = within(plan, "device/database", Tool.NFT)
    assert "ip saddr != { 10.0.8.5 } drop" in rules
    assert not any("table inet vnic" in rules for rules in within(plan, "device/firewall", Tool.NFT)), "unchecked"


def test_a_drg_is_a_neighbour_on_its_far_link() -> None:
    plan = make_plan(office().topology, "x")
    assert plan.twins["drg/office"].trace_name("far") == "wan"
    mac = plan.hardware_address(("drg/office", "wan"), None)
    assert f"neigh replace 10.255.0.1 lladdr {mac} dev wan nud permanent" in within(plan, "device/edge")


def test_a_listener_without_back_ends_is_silent() -> None:
    changes = {"services.default/nginx.selector": {"app": "none"}}
    plan = make_plan(gua().what_if(changes).topology, "x")
    (rules,) = within(plan, "lb/nginx", Tool.NFT)
    assert "meta nfproto ipv4 tcp dport 80" in rules
    assert plan.proxies == ()


def test_the_script_says_what_stands_for_what() -> None:
    script = make_plan(sydney().topology, "x").script()
    head = script[: script.index("ip -batch")].replace("\n#     ", " ")  # long lines are wrapped
    assert "# x-0: vcn/oke: the fabric: a bridge for each subnet" in head
    assert "socat ends the client's connections" in head
    assert (
        "pod/kube-system/kube-proxy-pb427 too (host network)" in head.replace("  ", " ") or "kube-proxy-pb427" in head
    )
    assert "# note: which back end a load balancer chooses is not compared" in head
    assert "\n# node/node-1\n" in script


@needs_lab
def test_the_script_builds_a_cluster_that_answers_the_internet() -> None:
    """What a reader gets who runs the plan: a client that reaches a pod through gateway, fabric and proxy."""
    plan = make_plan(gua().topology, f"dslcloud{os.getpid()}")
    script = plan.script().replace("ethtool", "true")  # not installed everywhere, and of no matter here
    try:
        built = subprocess.run(["sh"], input=script, text=True, capture_output=True, check=False, timeout=60)
        assert built.returncode == 0, built.stderr
        within = ["ip", "netns", "exec", plan.namespaces["internet/client"], sys.executable, "-c"]
        for target in ("203.0.113.20", "2001:db8:100:2::10"):
            asked = subprocess.run([*within, _ECHOED.format(target)], check=False, capture_output=True, text=True)
            assert asked.stdout == "hello\n", asked.stderr
    finally:
        removed(plan.namespaces.values())


_ECHOED = """
import socket
with socket.create_connection(("{}", 80), timeout=5) as client:
    client.sendall(b"hello")
    print(client.recv(5).decode())
"""


def test_senders_with_a_table_of_their_own_are_known_by_their_source() -> None:
    """Nodes and pods, in each family; their rules come before that of the subnet."""
    plan = make_plan(peered().what_if(OWN_TABLES).topology, "x")
    fabric = plan.namespaces["vcn/hub"]
    told = [text for tool in (Tool.IP, Tool.IPV6) for text in texts(plan, tool, fabric) if " from " in text]
    assert [text.rpartition(" lookup ")[0] for text in told] == [
        "rule add from 10.0.8.11 iif br0",
        "rule add from 10.0.8.21 iif br0",
        "rule add from 2001:db8:a00:8::11 iif br0",
        "rule add from 2001:db8:a00:8::21 iif br0",
    ]
    assert all(text.endswith(" pref 90") for text in told)


def test_a_vnic_with_a_table_of_its_own_is_known_by_its_hardware_address() -> None:
    """It may send in anybody's name; its mark comes before any source."""
    plan = make_plan(peered().what_if(OWN_TABLES).topology, "x")
    mac = next(port.mac for port in plan.ports if (port.device, port.name) == ("device/firewall", "vnic"))
    (rules,) = [text for text in within(plan, "vcn/hub", Tool.NFT) if "senders" in text]
    mark = rules.partition(f"ether saddr {mac} meta mark set ")[2].split()[0]
    (rule,) = [text for text in within(plan, "vcn/hub") if "fwmark" in text]
    assert rule.startswith(f"rule add fwmark {mark} lookup ")
    assert rule.endswith(" pref 80")
    plain = make_plan(peered().topology, "x")
    assert not any("fwmark" in text for text in within(plain, "vcn/hub"))


def test_the_two_gateways_of_a_peering_are_a_pair() -> None:
    plan = make_plan(peered().topology, "x")
    ends = [port for port in plan.ports if port.link == "lpg/to-hub~lpg/to-spoke"]
    assert {(port.device, port.trace_name) for port in ends} == {
        ("lpg/to-hub", "lpg/to-spoke"),
        ("lpg/to-spoke", "lpg/to-hub"),
    }
    assert "addr add" not in " ".join(text for text in within(plan, "lpg/to-hub") if "peer" in text)
