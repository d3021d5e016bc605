"""Laws of every chain, over generated networks of routers and hosts: headers, bytes, ledger, refusals, shape."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dsflow
from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Family
from dsflow.trace.chain import Chain
from dsflow.trace.trace import Direction
from tests.network_flows import sent_packets
from tests.networks import random_network
from tests.properties.laws import LAWS, bytes_are_sound, replies_reverse_the_flow
from tests.strategies import networks

SEEDS, PACKETS = range(60), 16
LINUX = frozenset(
    {
        *("delivered", "no-route", "blackholed", "prohibited", "unreachable-route", "denied-egress"),
        *("denied-ingress", "denied-forward", "source-check-failed", "not-forwarding", "too-big"),
        *("hop-limit-exceeded", "no-listener", "neighbor-unreachable"),
    }
)
"""How well-formed packets between ordinary addresses can end."""

CHAIN_LAWS = tuple(law for law in LAWS if law is not replies_reverse_the_flow)


@cache
def _network(seed: int) -> Simulation:
    return dsflow.load(random_network(Random(seed)))


def _chains(simulation: Simulation, data: dict[str, Any], seed: int, count: int) -> list[Chain]:
    return [sent.through(simulation) for sent in sent_packets(data, Random(seed), count)]


@given(networks(), st.integers(0, 999))
@settings(max_examples=80)
def test_every_chain_of_every_network_keeps_the_laws(data: dict[str, Any], seed: int) -> None:
    """Shape, headers, changes, refusals and ledger agree in every chain, whatever was sent."""
    for chain in _chains(dsflow.load(data), data, seed, PACKETS):
        for law in CHAIN_LAWS:
            law(chain)
        if not chain.nat_applied:
            replies_reverse_the_flow(chain)


@given(networks(), st.integers(0, 999))
@settings(max_examples=25)
def test_every_packet_is_what_scapy_builds_from_its_fields(data: dict[str, Any], seed: int) -> None:
    """Lengths and checksums are right at every hop, in errors, fragments and translated packets too."""
    known: set[bytes] = set()
    for chain in _chains(dsflow.load(data), data, seed, 6):
        bytes_are_sound(chain, known)


@given(networks(), st.integers(0, 999))
@settings(max_examples=20)
@example(random_network(Random(1500)), 229)  # the first piece of a datagram is the last: the next link takes none
def test_a_packet_sent_twice_has_one_answer(data: dict[str, Any], seed: int) -> None:
    """Two simulations of one network give each packet the same way, and what was sent before changes nothing."""
    one, other = dsflow.load(data), dsflow.load(data)
    first = [_told(chain) for chain in _chains(one, data, seed, 6)]
    assert first == [_told(chain) for chain in _chains(one, data, seed, 6)]
    sent = list(sent_packets(data, Random(seed), 6))
    assert first[::-1] == [_told(every.through(other)) for every in reversed(sent)]


def _told(chain: Chain) -> tuple[object, ...]:
    hops = [
        (repr(trace), hop.in_interface, hop.packets_in, hop.packets_out, hop.out_interface, hop.steps)
        for trace in chain.traces
        for hop in trace.hops
    ]
    return hops, chain.nat_ledger, chain.assumptions


ANSWERS = """
from hashlib import sha256
from json import dumps
from random import Random
import dsflow
from tests.network_flows import sent_packets
from tests.networks import random_network
for seed in range(12):
    data = random_network(Random(seed))
    simulation = dsflow.load(data)
    for sent in sent_packets(data, Random(seed), 4):
        print(sha256(dumps(sent.through(simulation).to_json()).encode()).hexdigest(), sent.device)
"""


def _answers(hash_seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", ANSWERS], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    return run.stdout


def test_networks_packets_and_answers_do_not_depend_on_hashes() -> None:
    """The JSON of every chain, times included, is the same under two hash seeds."""
    one, other = _answers(1), _answers(2)
    assert one == other
    assert one.count("\n") > 40


@pytest.mark.parametrize("first", range(0, len(SEEDS), 20))
def test_the_hop_limit_falls_by_one_at_every_router(first: int) -> None:
    """Every device between a trace's ends routes, and lowers the limit once; nothing else does."""
    for seed in SEEDS[first : first + 20]:
        data = random_network(Random(seed))
        for chain in _chains(_network(seed), data, seed, PACKETS):
            for trace in chain.traces:
                sent, arrived = trace.hops[0].header_out, trace.hops[-1].header_in
                if sent is not None and arrived is not None:
                    assert sent.ttl - arrived.ttl == len(trace.hops) - 2, (seed, trace)


def test_packets_are_forwarded_by_routers_of_the_family_alone() -> None:
    for seed in SEEDS:
        simulation = _network(seed)
        for chain in _chains(simulation, random_network(Random(seed)), seed, PACKETS):
            for trace in chain.traces:
                for hop in trace.hops[1:-1]:
                    device = simulation.topology.devices[hop.device.removeprefix("device/")]
                    assert trace.family in device.forwarding, (seed, trace)


def test_most_hosts_reach_each_other() -> None:
    """Echoes between the hosts of a family: four of five come back."""
    ends: Counter[bool] = Counter()
    for seed in SEEDS:
        simulation = _network(seed)
        hosts = [device for device in simulation.topology.devices.values() if device.name.startswith("h")]
        for one in hosts:
            for other in hosts:
                for family in Family:
                    if one is not other and one.addresses(family) and other.addresses(family):
                        chain = simulation.trace(one.id, other.id, family=family, icmp=True)
                        ends[chain.round_trip is Disposition.DELIVERED] += 1
    assert ends[True] > 4 * ends[False], ends


def test_together_the_packets_end_in_every_way_that_linux_has() -> None:
    found: Counter[str] = Counter()
    for seed in SEEDS:
        for chain in _chains(_network(seed), random_network(Random(seed)), seed, PACKETS):
            found.update(str(trace.disposition) for trace in chain.traces)
            found.update(str(trace.direction) for trace in chain.traces)
    assert set(found) >= LINUX | {str(Direction.REPLY), str(Direction.ERROR)}
