"""Probes: from a scenario's questions, from a file, and drawn."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import dsflow
from dsflow.errors import HostError, UsageError
from dsflow.lab.fields import read_fields
from dsflow.lab.probe import Probe, read_probes, scenario_probes
from dsflow.lab.random_probes import random_probes
from dsflow.model.devices import DeviceLink
from dsflow.model.topology import Topology
from dsflow.net.address import Family
from dsflow.net.build import first_packet
from dsflow.net.packet import MalformedPacket, Packet
from tests.lab.hand import device, interface, network

PACKET = first_packet(4, "udp", 0x0A010002, 0x0A010202, dport=53).raw


def test_the_scenarios_questions_are_probes_each_once() -> None:
    probes, refused = scenario_probes(dsflow.load("two-routers"))
    assert len(probes) == len(set(probes)) > 5
    assert all(probe.device.startswith("device/") and probe.interface is None for probe in probes)
    assert refused == []


def test_a_question_without_a_packet_is_told() -> None:
    """A Service has no packets of its own: nothing is made for a family that it lacks."""
    simulation = dsflow.load("two-pods").what_if({"pods.default/server.ipv6": None, "flows": [FLOW]})
    probes, refused = scenario_probes(simulation)
    assert all(_version(probe) == 4 for probe in probes)
    assert refused[0] == "pod/default/client -> pod/default/server ipv6: no packet is made for this question"


FLOW = {"from": "pod/default/client", "to": "pod/default/server", "family": "ipv6", "protocol": "tcp", "dport": 80}


def test_the_questions_of_the_main_job_are_asked_too() -> None:
    probes, refused = scenario_probes(dsflow.load("two-pods"))
    assert {probe.device for probe in probes} == {"pod/default/client", "node/node-1"}
    assert sum(probe.device == "node/node-1" for probe in probes) == 2
    assert refused == []


def test_machines_of_the_cloud_send_too(tmp_path: Path) -> None:
    from tests.cases import BALANCER, CLIENT, HOST_POD, POD, sydney

    told = [{"device": name, "packet": PACKET.hex()} for name in (POD, BALANCER, CLIENT, "node/node-1")]
    told.append({"device": "node/node-1", "packet": PACKET.hex(), "interface": "eth1"})
    found = read_probes(lines(tmp_path, *told), sydney().topology)
    assert [probe.device for probe in found] == [POD, BALANCER, CLIENT, "node/node-1", "node/node-1"]
    for name in (HOST_POD, "vcn/oke", "igw/igw"):
        with pytest.raises(UsageError, match="expected a device, pod, node, lb or internet host"):
            read_probes(lines(tmp_path, {"device": name, "packet": "45"}), sydney().topology)


def test_probes_are_drawn_among_the_clouds_machines() -> None:
    from tests.cases import office

    probes = random_probes(office().topology, 200, seed=1)
    assert {probe.device.partition("/")[0] for probe in probes} == {"device", "node", "pod", "internet"}
    assert all(probe.interface is None for probe in probes if not probe.device.startswith("device/"))
    assert all(office().send(probe.device, probe.packet, interface=probe.interface) for probe in probes)


def lines(tmp_path: Path, *told: Any) -> str:
    file = tmp_path / "probes.jsonl"
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in told), encoding="utf-8")
    return str(file)


def test_a_file_of_probes_comes_back_as_written(tmp_path: Path) -> None:
    probes = [
        Probe(device="device/h0", packet=PACKET),
        Probe(device="device/h0", packet=b"\x45", interface="e0"),
        Probe(device="device/h1", packet=PACKET, session="one"),
    ]
    assert read_probes(lines(tmp_path, *(probe.to_json() for probe in probes), ""), network()) == probes


def test_a_bare_name_is_a_device(tmp_path: Path) -> None:
    (probe,) = read_probes(lines(tmp_path, {"device": "h0", "packet": PACKET.hex(), "interface": None}), network())
    assert probe.device == "device/h0"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "no JSON"),
        ([], "expected an object"),
        ({"device": "h0"}, "packet missing"),
        ({}, "device and packet missing"),
        ({"device": "h0", "packet": "4", "colour": "red"}, 'key "colour"'),
        ({"device": "h0", "packet": 4}, "expected a text"),
        ({"device": "h0", "packet": "4"}, "hexadecimal"),
        ({"device": "hh0", "packet": "45"}, 'did you mean "h0"'),
        ({"device": "r0", "packet": "45", "interface": "lo"}, "expected one of device/r0 on a link: e0, e1"),
        ({"device": "r0", "packet": "45", "interface": "e7"}, "expected one of device/r0 on a link: e0, e1"),
    ],
)
def test_a_line_that_is_no_probe_is_told(tmp_path: Path, line: Any, told: str) -> None:
    path = lines(tmp_path, line)
    with pytest.raises(UsageError) as caught:
        read_probes(path, network())
    assert str(caught.value).startswith(f"{path}:1: ")
    assert told in str(caught.value)


def test_every_bad_line_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_probes(lines(tmp_path, "{", {"device": "h0", "packet": "45"}, "{"), network())
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be read"):
        read_probes(str(tmp_path / "none"), network())
    (tmp_path / "bad").write_bytes(b"\xff")
    with pytest.raises(HostError, match="cannot be read"):
        read_probes(str(tmp_path / "bad"), network())


def test_a_probe_tells_what_it_is() -> None:
    assert str(Probe(device="device/h0", packet=PACKET)).startswith("device/h0: udp 10.1.0.2:40000 > 10.1.2.2:53")
    assert str(Probe(device="device/h0", packet=b"\x45", interface="e0")).startswith("device/h0 on e0: malformed")


def test_the_same_seed_draws_the_same_probes() -> None:
    topology = network()
    assert random_probes(topology, 50, seed=3) == random_probes(topology, 50, seed=3)
    assert random_probes(topology, 50, seed=3) != random_probes(topology, 50, seed=4)


def test_families_take_turns_or_one_is_asked_for() -> None:
    both = Counter(_version(probe) for probe in random_probes(network(), 200, seed=1))
    assert both[4] > 80
    assert both[6] > 80
    only = {_version(probe) for probe in random_probes(network(), 100, seed=1, family=Family.IPV6)}
    assert 4 not in only


def _version(probe: Probe) -> int:
    return probe.packet[0] >> 4


def test_drawn_probes_are_of_every_kind() -> None:
    probes = random_probes(network(), 1500, seed=5)
    fields = [read_fields(probe.packet) for probe in probes]
    named = Counter(name.partition(".")[0] for one in fields for name in one if name.endswith("checksum"))
    assert {"tcp", "udp", "icmp"} <= named.keys()
    assert {one.get("ipv4.ttl", one.get("ipv6.hop_limit")) for one in fields} >= {0, 1, 2, 64, 255}
    assert {one.get("ipv4.dont_fragment") for one in fields} >= {True, False}
    assert {one.get("tcp.flags") for one in fields} >= {"S", "SA", "A", "R", ""}
    assert any(probe.interface is not None and not _is_whole(probe) for probe in probes)
    assert all(_is_whole(probe) for probe in probes if probe.interface is None)
    sizes = {len(probe.packet) for probe in probes}
    assert sizes & {1400, 1401}
    assert sizes & {1500, 1499}


def _is_whole(probe: Probe) -> bool:
    try:
        Packet.parse(probe.packet)
    except MalformedPacket:
        return False
    return True


def test_no_source_port_is_a_daemons() -> None:
    """Two daemons would answer each other for ever."""
    for probe in random_probes(network(), 1000, seed=6):
        if probe.interface is None:
            assert read_fields(probe.packet).get("udp.sport") not in (53, 80)


def test_a_network_without_addresses_gives_no_probes() -> None:
    bare = Topology(
        name="bare", links={"l": DeviceLink(name="l")}, devices={"a": device("a", [interface("e0", "l")], [])}
    )
    assert random_probes(bare, 10) == []
    assert random_probes(Topology(name="empty"), 10) == []


def test_a_lone_device_puts_nothing_on_its_wire() -> None:
    lone = Topology(
        name="lone",
        links={"l": DeviceLink(name="l")},
        devices={"a": device("a", [interface("e0", "l", "10.0.0.1/24")], [])},
    )
    assert {probe.interface for probe in random_probes(lone, 50)} == {None}
