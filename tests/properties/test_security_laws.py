"""Laws of security rules and NetworkPolicies over generated clusters: oracles, and what ignoring them shows."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import dsflow
from dsflow import Simulation
from dsflow.trace.chain import Chain
from dsflow.trace.step import POLICY_STAGES
from tests.clusters import ODDITIES, PROTOCOLS, Asked, as_built, questions, random_cluster
from tests.properties.laws import LAWS
from tests.secured import policies_allow, rules_allow, secured
from tests.strategies import clusters

Data = dict[str, Any]
DENIED = ("denied-ingress", "denied-egress")


@given(clusters(), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=25)
def test_every_chain_of_every_secured_cluster_keeps_the_laws(data: Data, random: Random, built: bool) -> None:
    simulation = dsflow.load(secured(random, as_built(random, data) if built else data))
    for asked in questions(simulation, every=PROTOCOLS + ODDITIES):
        chain = asked.of(simulation)
        for law in LAWS:
            law(chain)


def _pods(simulation: Simulation, family: int) -> list[str]:
    key = "ipv4" if family == 4 else "ipv6"
    return [name for name, pod in simulation.topology.pods.items() if getattr(pod, key) is not None]


def _predicted(data: Data, simulation: Simulation, one: str, other: str, family: int, protocol: str, port: int) -> str:
    """What the data says of a first packet between two pods: who refuses it first, or nobody does."""
    key = f"ipv{family}"
    pods, written = simulation.topology.pods, data["pods"]
    src, dst = written[one][key], written[other][key]
    same_node = written[one]["node"] == written[other]["node"]
    if not policies_allow(data, "egress", one, other, dst, protocol, port):
        return "egress network-policy"
    if same_node:
        inward = policies_allow(data, "ingress", other, one, src, protocol, port)
        return "passes" if inward else "ingress network-policy"
    if not rules_allow(data, "egress", written[one]["node"], str(pods[one].subnet), dst, protocol, port):
        return "egress vnic-security"
    if not rules_allow(data, "ingress", written[other]["node"], str(pods[other].subnet), src, protocol, port):
        return "ingress vnic-security"
    inward = policies_allow(data, "ingress", other, one, src, protocol, port)
    return "passes" if inward else "ingress network-policy"


def _found(chain: Chain) -> str:
    if chain.disposition not in DENIED:
        return "passes"
    return f"{chain.disposition.removeprefix('denied-')} {chain.traces[0].hops[-1].records[-1][0]}"


def test_pods_are_let_through_as_the_data_says() -> None:
    """By an oracle that reads the rules one by one; over all seeds each verdict occurs."""
    verdicts: Counter[str] = Counter()
    for seed in range(40):
        random = Random(seed)
        data = secured(random, random_cluster(random))
        verdicts += _verdicts(random, data)
    sides, stages = ("ingress", "egress"), ("network-policy", "vnic-security")
    assert set(verdicts) == {"passes", *(f"{side} {stage}" for side in sides for stage in stages)}


def _verdicts(random: Random, data: Data) -> Counter[str]:
    """What pairs of pods get to hear, each held against what the data says."""
    found: Counter[str] = Counter()
    simulation = dsflow.load(data)
    for family in (4, 6):
        pods = _pods(simulation, family)
        for _ in range(20 if len(pods) > 1 else 0):
            one, other = random.sample(pods, 2)
            if data["pods"][one]["node"][:3] != data["pods"][other]["node"][:3]:
                continue  # another VCN
            protocol = random.choice(["tcp", "udp"])
            port = random.choice([80, 53, 443, 2000])
            asked: dict[str, Any] = {protocol: port}
            chain = simulation.trace(f"pod/{one}", f"pod/{other}", family=family, **asked)
            predicted = _predicted(data, simulation, one, other, family, protocol, port)
            assert _found(chain) == predicted, (one, other, family, asked)
            found[predicted] += 1
    return found


def _paths(chain: Chain) -> list[list[str]]:
    return [[hop.device for hop in trace.hops] for trace in chain.traces]


def _goes_the_same_way(strict: Chain, lenient: Chain) -> bool:
    """Whether every trace of the one is the beginning of the other's, until it is refused."""
    ways = zip(_paths(strict), _paths(lenient), strict=False)
    return all(long[: len(short)] == short for short, long in ways)


def _answers(simulation: Simulation, asked: Asked, **options: Any) -> Chain:
    return simulation.trace(asked.origin, asked.target, family=asked.family, **asked.options, **options)


def _open_to_all(data: Data) -> Data:
    """The cluster without source ranges: nodes do not lead on whom those leave out, be they ignored or not."""
    services = {
        name: {key: value for key, value in service.items() if key != "load_balancer_source_ranges"}
        for name, service in data["services"].items()
    }
    return {**data, "services": services}


@given(clusters(), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=20)
def test_without_policies_everything_is_as_if_there_were_none(data: Data, random: Random, built: bool) -> None:
    """Ignoring them gives the paths of the same cluster without them, and the blockers are what else would refuse."""
    base = _open_to_all(as_built(random, data) if built else data)
    simulation, free = dsflow.load(secured(random, base)), dsflow.load(base)
    for asked in questions(simulation, every=PROTOCOLS):
        lenient, open_to_all = _answers(simulation, asked, ignore_policy=True), asked.of(free)
        assert _paths(lenient) == _paths(open_to_all)
        assert (lenient.disposition, lenient.round_trip) == (open_to_all.disposition, open_to_all.round_trip)
        strict = asked.of(simulation)
        refused = [blocker for blocker in lenient.blockers if blocker.ignored]
        assert all(blocker.stage in POLICY_STAGES for blocker in refused)
        if not _goes_the_same_way(strict, lenient):
            continue  # a load balancer chose among fewer nodes, as their health checks are refused
        if strict.failed is not None and strict.failed.disposition in DENIED and refused:
            assert refused[0].reason == strict.failed.reason
        if not refused:
            assert (strict.disposition, strict.round_trip) == (lenient.disposition, lenient.round_trip)
