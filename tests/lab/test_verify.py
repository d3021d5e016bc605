"""The lab itself: scenarios on the kernel, compared.  Needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

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
from tests.lab.hand import needs_lab, network


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
    """A learned path MTU: what is too long for the way is refused at its source (facts/kernel.md, line 10)."""
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
    """Six at once, then one a second (facts/kernel.md, line 7)."""
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


@needs_lab
def test_nothing_compared_is_no_success() -> None:
    simulation = dsflow.load("two-pods")
    report = verify(simulation, [])
    assert not report.holds
    assert report.hops_compared == 0
    assert "pod/default/client" in report.absent


@needs_lab
def test_namespaces_are_gone_after_a_failure() -> None:
    topology = network()
    lab = Lab(topology, make_plan(topology, fresh_prefix()))
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
    with pytest.raises(HostError, match="cannot build the network"), Lab(topology, broken):
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
with Lab(topology, make_plan(topology, prefix)):
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
    for name in (stale, foreign, own):
        subprocess.run(["ip", "netns", "add", name], check=True)
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
