"""The lab itself: scenarios on the kernel, compared.  Needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import dsflow
from dsflow.errors import HostError
from dsflow.lab import namespaces
from dsflow.lab.command import Tool
from dsflow.lab.craft import mended
from dsflow.lab.host import Lab, check_host
from dsflow.lab.namespaces import Keeper, fresh_prefix, remove_leftovers
from dsflow.lab.plan import make_plan
from dsflow.lab.probe import Probe, scenario_probes
from dsflow.lab.random_probes import random_probes
from dsflow.lab.verify import verify
from dsflow.net.address import Address
from dsflow.net.build import first_packet
from dsflow.net.packet import Packet
from tests.cases import CLIENT, POD, PUBLIC_NODE, SERVICE_GATEWAY, gua, office
from tests.lab.hand import needs_lab, network
from tests.peered import INSPECTED, OWN_TABLES, TRANSIT, peered


def own_namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {entry.name for entry in folder.iterdir() if entry.name.startswith(f"dsl-{os.getpid()}-")}


def udp(src: str, dst: str, dport: int = 53, size: int | None = None) -> bytes:
    one, other = Address.parse(src), Address.parse(dst)
    return first_packet(one.family, "udp", one.value, other.value, dport=dport, size_bytes=size).raw


@needs_lab
@pytest.mark.parametrize("name", ["two-routers", "nat-box", "lan-segment"])
def test_the_scenarios_own_questions_agree(name: str) -> None:
    simulation = dsflow.load(name)
    probes, refused = scenario_probes(simulation)
    report = verify(simulation, probes, refused=refused)
    assert report.holds, str(report)
    assert report.hops_compared > 50
    assert own_namespaces() == set()


@needs_lab
@pytest.mark.parametrize("name", ["two-pods", "oke-sydney", "oke-sydney-gua", "onprem-firewall"])
def test_the_clouds_own_questions_agree(name: str) -> None:
    """Every path type in both families, through the stand-ins; nothing is left out."""
    simulation = dsflow.load(name)
    probes, refused = scenario_probes(simulation)
    report = verify(simulation, probes, refused=refused)
    assert report.holds, str(report)
    assert report.hops_compared > 50
    assert report.hops_not_compared == 0
    assert set(make_plan(simulation.topology).twins) == set(simulation.dataplane)


@needs_lab
def test_pods_on_virtual_nodes_agree() -> None:
    """Two end points behind each Service, whichever pod is asked; the network load balancer has no stand-in."""
    simulation = dsflow.load("oke-virtual-nodes")
    flows = [
        {"from": origin, "to": target, "family": family, "dport": port, "sport": sport}
        for family in ("ipv4", "ipv6")
        for origin, target, port in (
            ("pod/default/client", "service/default/web", 80),
            ("pod/default/web-1", "service/default/web", 80),
            ("pod/default/client", "pod/default/web-1", 30080),
            ("pod/default/client", "pod/default/web-2", 30081),
            ("internet/client", "service/default/web", 80),
        )
        for sport in (40000, 40001, 40003)
    ]
    asked = simulation.what_if({"expect": [], "flows": flows})
    probes, refused = scenario_probes(asked)
    report = verify(asked, probes, refused=refused)
    assert report.holds, str(report)
    assert report.hops_compared > 5 * len(probes)
    assert {reason for outcome in report.outcomes for reason in outcome.omitted} == {
        "the network load balancer lb/packets has no stand-in",
        "what a device sends itself about refusals, or by way of a translation",
    }


@needs_lab
@pytest.mark.parametrize("tables", [TRANSIT, INSPECTED, OWN_TABLES])
def test_peerings_and_tables_of_gateways_and_senders_agree(tables: dict[str, Any]) -> None:
    """Who sends tells which table serves: the kernel knows by source address and by hardware address."""
    ends = ["pod/default/shop", "pod/default/tool", "node/hub-node", "database", "files", "internet/web"]
    flows = [
        {"from": origin, "to": target, "family": family, "protocol": "udp", "dport": 53}
        for family in ("ipv4", "ipv6")
        for origin in ends
        for target in ("pod/default/shop", "database", "files", "internet/web")
        if origin != target
    ]
    simulation = peered().what_if(tables | {"flows": flows})
    probes, refused = scenario_probes(simulation)
    report = verify(simulation, probes, refused=refused)
    assert report.holds, str(report)
    assert report.hops_compared > 300


@needs_lab
@pytest.mark.parametrize(
    ("name", "changes"),
    [("gua", PUBLIC_NODE), ("gua", SERVICE_GATEWAY), ("office", {}), ("peered", TRANSIT), ("peered", INSPECTED)],
)
def test_drawn_probes_agree_in_the_cloud(name: str, changes: dict[str, Any]) -> None:
    simulation = {"gua": gua, "office": office, "peered": peered}[name]()
    simulation = simulation.what_if(changes) if changes else simulation
    report = verify(simulation, random_probes(simulation.topology, 60, seed=2))
    assert report.holds, str(report)


@needs_lab
def test_a_fault_in_the_cloud_is_seen() -> None:
    """The kernel knows the gateway's public address, the simulation another."""
    other = gua().what_if({"gateways.nat.public_ipv4": "203.0.113.11"})
    crossed = gua().with_dataplane(other.dataplane)
    syn = first_packet(4, "tcp", *(Address.parse(text).value for text in ("100.0.5.102", "198.51.100.80")), dport=443)
    (outcome,) = verify(crossed, [Probe(device=POD, packet=syn.raw)]).outcomes
    assert outcome.difference == "ipv4.src: 203.0.113.11 expected, 203.0.113.10 seen"


@needs_lab
def test_the_proxy_dials_whom_the_simulation_chose() -> None:
    """One back end after the other, whichever it is, and a client's own header fields."""
    probes = []
    for sport in range(40000, 40006):
        client, vip = (Address.parse(text).value for text in ("198.51.100.7", "203.0.113.20"))
        probes.append(
            Probe(device=CLIENT, packet=first_packet(4, "tcp", client, vip, sport=sport, dport=80, ttl=9).raw)
        )
    report = verify(gua(), probes)
    assert report.holds, str(report)
    assert all(outcome.compared == len(outcome.rows) > 20 for outcome in report.outcomes)


@needs_lab
def test_what_goes_onto_a_subnets_wire_reaches_its_owner() -> None:
    simulation = dsflow.load("two-pods")
    probes = [
        Probe(device="node/node-1", packet=udp("10.0.2.21", dst), interface="eth1")
        for dst in ("10.0.2.22", "10.0.2.99", "10.0.1.12")
    ]
    report = verify(simulation, probes)
    assert report.holds, str(report)
    assert [outcome.disposition for outcome in report.outcomes] == [
        "no-listener",
        "neighbor-unreachable",
        "no-listener",
    ]


@needs_lab
def test_redirects_are_compared() -> None:
    """A redirect that no hop notes is a difference, and one that is noted is a hop compared."""
    simulation = dsflow.load("lan-segment")
    packet = first_packet(4, "tcp", *(Address.parse(text).value for text in ("10.7.0.10", "10.8.5.10")), dport=80).raw
    chain = simulation.send("device/h0", packet)
    noted = sum(step.stage == "redirect" for trace in chain.traces for hop in trace.hops for step in hop.steps)
    (outcome,) = verify(simulation, [Probe(device="device/h0", packet=packet)]).outcomes
    assert outcome.agrees
    assert noted
    assert outcome.compared == len(outcome.rows) + noted


@needs_lab
def test_an_error_to_a_stranger_is_not_compared() -> None:
    simulation = dsflow.load("two-routers")
    packet = udp("10.1.0.2", "10.1.2.99")
    (outcome,) = verify(simulation, [Probe(device="device/r1", packet=packet)]).outcomes
    assert outcome.agrees
    assert outcome.not_compared > 0


@needs_lab
def test_a_fault_of_the_simulation_is_seen() -> None:
    """The kernel runs one network, the simulation another."""
    simulation = dsflow.load("two-routers")
    other = simulation.what_if({"devices.h2.listen": ["tcp/80"]})
    crossed = simulation.with_dataplane(other.dataplane)
    (outcome,) = verify(crossed, [Probe(device="device/h0", packet=udp("10.1.0.2", "10.1.2.2"))]).outcomes
    assert not outcome.agrees
    assert outcome.compared == 6
    assert outcome.difference is not None


@needs_lab
def test_a_session_remembers_and_the_next_probe_does_not() -> None:
    """A learned path MTU: what is too long for the way is refused at its source."""
    simulation = dsflow.load("two-routers")
    ping = first_packet(
        6, "icmp", *(Address.parse(text).value for text in ("fd00:1::2", "fd00:1:2::2")), size_bytes=1500
    )
    probes = [
        Probe(device="device/h0", packet=ping.raw, session="one"),
        Probe(device="device/h0", packet=ping.raw, session="one"),
        Probe(device="device/h0", packet=ping.raw),
    ]
    report = verify(simulation, probes)
    assert report.holds, str(report)
    assert [outcome.disposition for outcome in report.outcomes] == ["too-big"] * 3
    assert [len(outcome.rows) for outcome in report.outcomes] == [4, 0, 4]


@needs_lab
@pytest.mark.parametrize("family", [4, 6])
def test_a_session_keeps_its_connections_open(family: int) -> None:
    """No reset of the sender's own closes what tracking has seen."""
    simulation = dsflow.load("two-routers")
    texts = ("10.1.0.2", "10.1.2.2") if family == 4 else ("fd00:1::2", "fd00:1:2::2")
    syn = first_packet(family, "tcp", *(Address.parse(text).value for text in texts), dport=80).raw
    report = verify(simulation, [Probe(device="device/h0", packet=syn, session="one")] * 2)
    assert report.holds, str(report)
    assert all(outcome.disposition == "delivered" and len(outcome.rows) == 12 for outcome in report.outcomes)


@needs_lab
def test_errors_are_limited_where_that_is_wanted_and_each_session_starts_anew() -> None:
    """Six at once, then one a second."""
    simulation = dsflow.load("two-routers").what_if({"devices.r0.icmp_rate_limit": True})
    spent = udp("10.1.0.2", "10.1.2.2")
    spent = mended(spent[:8] + b"\x01" + spent[9:])
    probes = [Probe(device="device/h0", packet=spent, session=name) for name in "a" * 8 + "b"]
    probes.append(Probe(device="device/h0", packet=spent))
    report = verify(simulation, probes)
    assert report.holds, str(report)
    assert [len(outcome.rows) for outcome in report.outcomes] == [4] * 6 + [2, 2, 4, 4]


@needs_lab
@pytest.mark.parametrize("seed", range(2))
def test_drawn_probes_agree(seed: int) -> None:
    simulation = dsflow.load("two-routers")
    report = verify(simulation, random_probes(simulation.topology, 60, seed=seed))
    assert report.holds, str(report)


@needs_lab
def test_bytes_of_any_kind_can_be_sent() -> None:
    """What is no packet only straight onto a wire."""
    parts = [b"\x45", b"\x60" + bytes(7), b"\x75" + bytes(30), udp("10.1.0.2", "10.1.2.2")[:19]]
    probes = [Probe(device="device/h0", packet=part, interface=name) for part in parts for name in (None, "e0")]
    report = verify(dsflow.load("two-routers"), probes)
    assert report.holds, str(report)
    assert [outcome.reason is None for outcome in report.outcomes] == [False, True] * len(parts)
    assert Probe(device="device/h0", packet=b"", interface="e0").unsendable


@pytest.mark.parametrize("kind", [2, 133, 137])
def test_what_a_capture_cannot_tell_from_the_kernels_own_is_not_sent(kind: int) -> None:
    """Multicast membership, neighbour discovery, redirects."""
    raw = udp("10.1.0.2", "10.1.2.2")
    if kind == 2:
        raw = mended(raw[:9] + b"\x02" + raw[10:])
    else:
        raw = b"\x60\0\0\0\0\x08\x3a\x40" + bytes(32) + bytes((kind, *bytes(7)))
    assert Probe(device="device/h0", packet=raw).unsendable


@needs_lab
def test_an_empty_datagram_that_is_answered_is_not_compared() -> None:
    empty = Packet.parse(udp("10.1.0.2", "10.1.2.2"))
    raw = empty.raw[:2] + (28).to_bytes(2, "big") + empty.raw[4:24] + b"\0\x08\0\0"
    report = verify(dsflow.load("two-routers"), [Probe(device="device/h0", packet=mended(raw))])
    assert (report.hops_compared, report.outcomes[0].reason is None) == (0, False)
    assert report.to_json()["outcomes"][0]["agrees"] is None


@needs_lab
@pytest.mark.parametrize("family", [4, 6])
def test_what_a_device_sends_itself_is_compared(family: int) -> None:
    """With other listeners in the simulation than in the kernel it differs."""
    own = {4: "10.1.2.2", 6: "fd00:1:2::2"}[family]
    simulation = dsflow.load("two-routers")
    address = Address.parse(own).value
    asked = [first_packet(family, "tcp", address, address, dport=port).raw for port in (80, 81)]
    probes = [Probe(device="device/h2", packet=raw) for raw in asked]
    assert verify(simulation, probes).hops_compared == 3
    deaf = simulation.with_dataplane(simulation.what_if({"devices.h2.listen": []}).dataplane)
    assert [outcome.agrees for outcome in verify(deaf, probes).outcomes] == [False, True]


@needs_lab
def test_nothing_compared_is_no_success() -> None:
    simulation = dsflow.load("two-pods")
    report = verify(simulation, [])
    assert not report.holds
    assert report.hops_compared == 0


@needs_lab
def test_namespaces_are_gone_after_a_failure() -> None:
    topology = network()
    lab = Lab(make_plan(topology, fresh_prefix()))
    with pytest.raises(ZeroDivisionError), lab:
        assert len(own_namespaces()) / 0
    assert own_namespaces() == set()


@needs_lab
def test_namespaces_are_gone_after_a_plan_that_the_kernel_refuses() -> None:
    from dataclasses import replace

    topology = network()
    plan = make_plan(topology, fresh_prefix())
    broken = replace(
        plan, commands=(*plan.commands, plan.commands[-1]._replace(tool=Tool.IP, text="addr add nonsense dev e0"))
    )
    with pytest.raises(HostError, match="cannot build the network"), Lab(broken):
        pass
    assert own_namespaces() == set()


_HOLD = """
import sys
from tests.lab.hand import network
from dsflow.lab.host import Lab
from dsflow.lab.namespaces import fresh_prefix
from dsflow.lab.plan import make_plan
topology = network()
prefix = fresh_prefix()
with Lab(make_plan(topology, prefix)):
    print(prefix, flush=True)
    sys.stdin.read()
"""


@needs_lab
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_namespaces_are_gone_however_the_lab_ends(kind: signal.Signals) -> None:
    lab = subprocess.Popen(
        [sys.executable, "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert lab.stdout is not None
    assert lab.stdin is not None
    with lab:
        prefix = lab.stdout.readline().strip()
        assert any(Path("/run/netns").glob(f"{prefix}-*"))
        lab.send_signal(kind)
        lab.wait(30)
        deadline = time.monotonic() + 30
        while (left := list(Path("/run/netns").glob(f"{prefix}-*"))) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == []


@needs_lab
def test_leftovers_of_a_lab_that_is_gone_are_removed_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    stale, foreign = "dsl-999999999-0-0", f"dslother-{os.getpid()}"
    own = f"{fresh_prefix()}-0"
    for name in (foreign, own):
        subprocess.run(["ip", "netns", "add", name], check=True)
    # A lab that starts meanwhile in another process removes leftovers too, be they half made.
    assert any(subprocess.run(["ip", "netns", "add", stale], check=False).returncode == 0 for _ in range(5))
    try:
        remove_leftovers()
        there = {entry.name for entry in Path("/run/netns").iterdir()}
        assert stale not in there
        assert {foreign, own} <= there
    finally:
        for name in (foreign, own):
            subprocess.run(["ip", "netns", "del", name], check=False)
    monkeypatch.setattr(namespaces, "_FOLDER", Path("/nowhere"))
    remove_leftovers()


@needs_lab
def test_a_keeper_removes_what_is_there_and_minds_nothing_else() -> None:
    name = f"{fresh_prefix()}-0"
    subprocess.run(["ip", "netns", "add", name], check=True)
    Keeper([name, f"{name}-none"]).close()
    assert name not in own_namespaces()


def test_without_root_the_lab_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(network())
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="root"):
        check_host(plan)


def test_without_programs_the_lab_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(network())
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(HostError, match="the program ip and the program nft and the program socat"):
        check_host(plan)


def test_elsewhere_than_on_linux_the_lab_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(HostError, match="needs Linux"):
        check_host(make_plan(network()))
