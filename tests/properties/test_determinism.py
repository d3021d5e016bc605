"""The same question has the same answer: in every run, whatever Python's hashes, and by the seed alone."""

from __future__ import annotations

import os
import subprocess
import sys
from random import Random

import dsflow
from dsflow.trace.chain import Chain
from tests.clusters import ODDITIES, questions, random_cluster, seeded

EGRESS = ("pod/default/nginx-568f7cfd68-g4h2c", "internet/web")

ANSWERS = """
from hashlib import sha256
from json import dumps
import dsflow
from tests.clusters import questions, seeded
simulations = [dsflow.load(name, seed=7) for name in ("oke-sydney", "oke-sydney-gua", "two-pods")] + [seeded(3)]
for simulation in simulations:
    for asked in questions(simulation, pairs=1, every=({},)):
        print(sha256(dumps(asked.of(simulation).to_json()).encode()).hexdigest(), *asked[:3])
"""


def _answers(hash_seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", ANSWERS], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    return run.stdout


def test_answers_do_not_depend_on_the_run_nor_on_hashes() -> None:
    """The JSON of every path of every scenario, times included, is the same under two hash seeds."""
    one, other = _answers(1), _answers(2)
    assert one == other
    assert one.count("\n") > 20


def test_the_seed_decides_what_is_drawn() -> None:
    """Equal seeds give equal NAT ports; another seed may give another."""

    def port(seed: int) -> int | None:
        chain = dsflow.load("oke-sydney", seed=seed).trace(*EGRESS, family=4, tcp=443)
        after = chain.nat_applied[0].after
        assert after is not None
        return after.sport

    assert port(1) == port(1)
    assert len({port(seed) for seed in range(5)}) > 1


def test_the_seed_chooses_the_back_end() -> None:
    """One client always meets one pod; over seeds, every pod is met."""

    def backend(seed: int) -> str:
        sim = dsflow.load("oke-sydney", seed=seed)
        return sim.trace("internet/client", "service/default/nginx", family=6, tcp=80).traces[-1].hops[0].device

    assert len({backend(0) for _ in range(3)}) == 1
    assert len({backend(seed) for seed in range(20)}) == 3


def test_steps_read_later_are_the_same() -> None:
    """Steps are made when looked at, and looking at them changes nothing."""
    sim = dsflow.load("oke-sydney")
    one, other = (sim.trace(*EGRESS, family=4, tcp=443) for _ in range(2))
    early = [hop.steps for trace in one.traces for hop in trace.hops]
    assert early == [hop.steps for trace in one.traces for hop in trace.hops]
    assert early == [hop.steps for trace in other.traces for hop in trace.hops]


def test_what_was_asked_before_changes_no_answer() -> None:
    """Outside a session every question starts afresh, whatever was asked before and in whatever order."""
    for seed in range(12):
        warm, cold = seeded(seed), dsflow.load(random_cluster(Random(seed)))
        every = list(questions(warm, pairs=1, every=({}, {"udp": 53}, {"tcp": 9}, *ODDITIES)))
        first = [_told(asked.of(warm)) for asked in every]
        assert first == [_told(asked.of(warm)) for asked in every]
        assert first[::-1] == [_told(asked.of(cold)) for asked in reversed(every)]


def _told(chain: Chain) -> list[tuple[object, ...]]:
    return [
        (repr(trace), hop.index, hop.packets_in, hop.packets_out, hop.steps)
        for trace in chain.traces
        for hop in trace.hops
    ]
