"""Each kernel rule switched off in the engine is missed: the kernel's packets tell the true engine from the faulty.

The packets of all mutations go through the real kernel once, network by network; every faulty engine is then held
against what was caught.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

import dsflow
from dsflow import Simulation
from dsflow.lab import Outcome, verify
from dsflow.lab.compare import Ports, pair
from dsflow.lab.expect import expected_errno, expected_packets
from dsflow.session import Session
from dsflow.trace.chain import Chain
from tests.kernel.faults import Mutation
from tests.kernel.mutation_networks import NETWORKS
from tests.kernel.mutations import MUTATIONS
from tests.lab.hand import needs_lab

LEAST = 40


@cache
def _network(name: str) -> Simulation:
    return dsflow.load(NETWORKS[name])


@cache
def _outcomes(network: str) -> dict[str, list[Outcome]]:
    """What the kernel did with the packets of every mutation in this network."""
    probes = [probe for mutation in MUTATIONS if mutation.network == network for probe in mutation.probes]
    found: dict[str, list[Outcome]] = {}
    for outcome in verify(_network(network), probes).outcomes:
        assert outcome.probe.session is not None
        found.setdefault(outcome.probe.session, []).append(outcome)
    return found


def _ask(session: Session, outcome: Outcome) -> Chain:
    probe = outcome.probe
    return session.send(probe.device, probe.packet, interface=probe.interface)


def _heard(true: Simulation, outcomes: Sequence[Outcome]) -> list[int | None]:
    """What the sender hears of each packet: the true engine's word for it, with which the kernel agreed."""
    with true.session() as session:
        return [expected_errno(_ask(session, outcome), outcome.probe) for outcome in outcomes]


def _differences(
    true: Simulation, engine: Simulation, outcomes: Sequence[Outcome], all_heard: Sequence[int | None]
) -> list[str]:
    """Where an engine says something else than the kernel did: packets at interfaces, and what the sender heard."""
    with engine.session() as session:
        ports = Ports(frozenset())
        found = []
        for number, (outcome, heard) in enumerate(zip(outcomes, all_heard, strict=True), start=1):
            ports.learn(outcome.probe.packet)
            chain = _ask(session, outcome)
            expected, _ = expected_packets(chain, outcome.probe, set(true.dataplane))
            caught = [row.caught for row in outcome.rows if row.caught is not None]
            rows = pair(expected, caught, ports).rows
            found += [f"packet {number}: {row.difference}" for row in rows if row.difference is not None]
            if expected_errno(chain, outcome.probe) != heard:
                found.append(f"packet {number}: the sender heard something else")
            if _redirects(chain) != bool(outcome.redirects):
                found.append(f"packet {number}: redirects")
        return found


def _redirects(chain: Chain) -> bool:
    return any(step.stage == "redirect" for trace in chain.traces for hop in trace.hops for step in hop.steps)


def test_the_list_is_long_and_its_names_are_unique() -> None:
    """Each is one rule."""
    assert len(MUTATIONS) >= LEAST
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert {mutation.network for mutation in MUTATIONS} == set(NETWORKS)


@needs_lab
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_rule_switched_off_is_missed(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The true engine agrees with the kernel about these packets, and the faulty one does not."""
    outcomes = _outcomes(mutation.network)[mutation.name]
    true = _network(mutation.network)
    assert [outcome.difference for outcome in outcomes if not outcome.agrees] == []
    heard = _heard(true, outcomes)  # before anything is planted: functions are patched for all simulations
    assert _differences(true, true, outcomes, heard) == []
    faulty = mutation.plant(monkeypatch, dsflow.load(NETWORKS[mutation.network]))
    assert _differences(true, faulty, outcomes, heard) != []
