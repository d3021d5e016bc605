"""The plan: every command as data, and as a script that a reader could run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace

import pytest

from dsflow.lab.command import Tool
from dsflow.lab.plan import Plan, make_plan
from dsflow.lab.plan_devices import link_local
from dsflow.model.cluster import Listener
from dsflow.model.devices import DeviceLink, RpFilter
from dsflow.model.topology import Topology
from dsflow.net.address import Address
from tests.lab.hand import device, interface, needs_lab, network, route

pytestmark = pytest.mark.filterwarnings("error")


def texts(plan: Plan, tool: Tool, namespace: str | None) -> list[str]:
    return [command.text for command in plan.commands if command[:2] == (tool, namespace)]


def alone(**changes: object) -> Topology:
    """A network of one device on one link."""
    one = device("a", [interface("e0", "l", "10.0.0.1/24", "fd00::1/64")], [], listen=(Listener("udp", 53),))
    changed = replace(one, **changes)  # type: ignore[arg-type]  # whatever the test says
    return Topology(name="alone", links={"l": DeviceLink(name="l")}, devices={"a": changed})


def test_every_device_and_every_segment_has_a_namespace() -> None:
    plan = make_plan(network(), "x")
    assert dict(plan.namespaces) == {
        "device/h0": "x-0",
        "device/r0": "x-1",
        "device/r1": "x-2",
        "device/h1": "x-3",
        "device/h2": "x-4",
        "link/lan": "x-5",
    }
    assert texts(plan, Tool.IP, None) == [f"netns add x-{number}" for number in range(6)]


def test_two_ends_are_one_pair_made_where_they_belong() -> None:
    plan = make_plan(network(), "x")
    near, far = "address 02:00:00:00:00:00 mtu 1500", "address 02:00:00:01:00:00 mtu 1500"
    assert f"link add name e0 index 10 {near} type veth peer name e0 index 10 {far} netns x-1" in texts(
        plan, Tool.IP, "x-0"
    )
    assert not any("veth" in text for text in texts(plan, Tool.IP, "x-5"))


def test_a_segment_is_a_bridge_where_only_the_devices_mtus_count() -> None:
    plan = make_plan(network(), "x")
    bridge = texts(plan, Tool.IP, "x-5")
    assert bridge[0].startswith("link add name br0 mtu 65535 type bridge stp_state 0")
    assert [text for text in bridge if "master br0" in text] == [f"link set dev p{n} master br0 up" for n in range(3)]
    joined = [text for n in (2, 3, 4) for text in texts(plan, Tool.IP, f"x-{n}") if "netns x-5" in text]
    assert len(joined) == 3
    assert all("peer name p" in text and "mtu 65535" in text for text in joined)


def test_a_link_with_one_end_is_a_bridge_too() -> None:
    plan = make_plan(alone(), "x")
    assert plan.namespaces["link/l"] == "x-1"
    assert "link set dev p0 master br0 up" in texts(plan, Tool.IP, "x-1")


def test_addresses_come_before_routes_and_in_the_order_written() -> None:
    found = texts(make_plan(network(), "x"), Tool.IP, "x-1")
    added = [text for text in found if text.startswith(("addr", "route"))]
    assert added == [
        "addr add 10.1.0.1/24 dev e0",
        "addr add fd00:1::1/64 dev e0 nodad",
        "addr add 10.1.1.1/24 dev e1",
        "addr add fd00:1:1::1/64 dev e1 nodad",
        "addr add 192.0.2.1/32 dev lo",
        "route add 10.1.2.0/23 via 10.1.1.2 dev e1",
        "route add fd00:1:2::/47 via fd00:1:1::2 dev e1",
        "route add blackhole 10.9.0.0/16",
        "route add prohibit 10.8.0.0/16",
    ]


def test_a_route_is_told_with_everything_it_has() -> None:
    full = replace(
        route("10.3.0.0/16", "10.0.0.2", "e0"), metric=7, mtu_bytes=1300, source_address=Address.parse("10.0.0.1")
    )
    plan = make_plan(alone(routes=(full,)), "x")
    assert texts(plan, Tool.IP, "x-0")[-1] == "route add 10.3.0.0/16 via 10.0.0.2 dev e0 metric 7 mtu 1300 src 10.0.0.1"


def test_neighbours_on_the_link_need_no_asking() -> None:
    plan = make_plan(network(), "x")
    known = [text.split()[2] for text in texts(plan, Tool.IP, "x-3") if text.startswith("neigh")]
    assert known == [
        "10.1.2.1",
        "fd00:1:2::1",
        str(link_local("02:00:00:02:00:01")),
        "10.1.2.3",
        "fd00:1:2::3",
        str(link_local("02:00:00:04:00:00")),
        "10.1.1.2",  # a machine answers for all that it has
        "fd00:1:2::",  # the anycast address of routers
    ]


def test_a_small_mtu_takes_ipv6_off_the_interface() -> None:
    small = {"e0": interface("e0", "l", "10.0.0.1/24", "fd00::1/64", mtu=1279)}
    routes = (route("fd01::/64", "fd00::2", "e0"), route("10.2.0.0/16", "10.0.0.2", "e0"))
    plan = make_plan(alone(interfaces=small, routes=routes), "x")
    told = " ".join(command.text for command in plan.commands if command.namespace == "x-0")
    assert "fd0" not in told
    assert "net.ipv6.neigh" not in told
    assert "route add 10.2.0.0/16" in told
    assert [served.address is not None and served.address.family for served in plan.listening] == [4]


def test_settings_are_the_devices_own() -> None:
    plan = make_plan(network(), "x")
    router, host = texts(plan, Tool.SYSCTL, "x-1"), texts(plan, Tool.SYSCTL, "x-0")
    assert router[:2] == ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
    assert host[:2] == ["net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0"]
    for mode, number in ((RpFilter.OFF, 0), (RpFilter.STRICT, 1), (RpFilter.LOOSE, 2)):
        settings = texts(make_plan(alone(rp_filter=mode), "x"), Tool.SYSCTL, "x-0")
        assert "net.ipv4.conf.all.rp_filter=0" in settings
        assert f"net.ipv4.conf.default.rp_filter={number}" in settings


def test_limits_of_errors_are_lifted_unless_they_are_wanted() -> None:
    """The mask, never the limit: that would silence the errors of routes."""
    lifted = texts(make_plan(alone(), "x"), Tool.SYSCTL, "x-0")
    kept = texts(make_plan(alone(icmp_rate_limit=True), "x"), Tool.SYSCTL, "x-0")
    assert {"net.ipv4.icmp_ratemask=0", "net.ipv6.icmp.ratelimit=0"} <= set(lifted) - set(kept)
    assert not any(setting.startswith("net.ipv4.icmp_ratelimit") for setting in lifted)


def test_each_own_address_has_a_daemon_for_datagrams() -> None:
    plan = make_plan(network(), "x")
    daemons = texts(plan, Tool.DAEMON, "x-3")
    assert ["TCP6-LISTEN:80,ipv6only=0" in text for text in daemons] == [True, False, False]
    assert "UDP4-RECVFROM:53,bind=10.1.2.2" in daemons[1]
    assert "UDP6-RECVFROM:53,bind=[fd00:1:2::2]" in daemons[2]
    assert [served.daemon for served in plan.listening] == daemons


def removed(names: Iterable[str]) -> None:
    """End what runs in namespaces that a script made, and remove them."""
    for name in names:
        subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True)
        for pid in subprocess.run(
            ["ip", "netns", "pids", name], check=False, capture_output=True, text=True
        ).stdout.split():
            subprocess.run(["kill", "-9", pid], check=False)
        subprocess.run(["ip", "netns", "del", name], check=False)


@needs_lab
def test_the_script_runs_and_builds_a_network_that_answers() -> None:
    plan = make_plan(network(), f"dslscript{os.getpid()}")
    script = plan.script().replace("ethtool", "true")  # not installed everywhere, and of no matter to a ping
    try:
        done = subprocess.run(
            ["sh"], input=script, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        within = ["ip", "netns", "exec", plan.namespaces["device/h0"]]
        for target in ("10.1.2.2", "fd00:1:2::3"):
            ping = [*within, sys.executable, "-c", _CONNECT.format(target)]
            assert subprocess.run(ping, check=False, capture_output=True).stderr == b"refused\n"
    finally:
        removed(plan.namespaces.values())


_CONNECT = """
import socket, sys
try:
    socket.create_connection(("{}", 81), timeout=5)
except ConnectionRefusedError:
    sys.stderr.write("refused\\n")
"""
