"""Laws of every chain, over generated clusters: headers, bytes, ledger, refusals, shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

import dsflow
from dsflow.trace.chain import Chain
from tests.clusters import ODDITIES, PROTOCOLS, questions
from tests.properties.laws import LAWS, bytes_are_sound
from tests.strategies import clusters

EMBEDDED = ("oke-sydney", "oke-sydney-gua", "two-pods")


@given(clusters())
@settings(max_examples=50)
def test_every_chain_of_every_cluster_keeps_the_laws(data: dict[str, Any]) -> None:
    """Shape, headers, changes, refusals, replies and ledger agree in every chain, whatever was asked."""
    simulation = dsflow.load(data)
    for asked in questions(simulation, every=PROTOCOLS + ODDITIES):
        chain = asked.of(simulation)
        for law in LAWS:
            law(chain)


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_scenarios_keep_the_laws(name: str) -> None:
    """The same of more pairs in the scenarios that come with dsflow."""
    simulation = dsflow.load(name)
    known: set[bytes] = set()
    for asked in questions(simulation, pairs=4, every=PROTOCOLS + ODDITIES):
        chain = asked.of(simulation)
        bytes_are_sound(chain, known)
        for law in LAWS:
            law(chain)


@given(clusters())
@settings(max_examples=25)
def test_every_packet_is_what_scapy_builds_from_its_fields(data: dict[str, Any]) -> None:
    """Lengths and checksums are right at every hop, in errors and fragments too."""
    simulation = dsflow.load(data)
    known: set[bytes] = set()
    for asked in questions(simulation, pairs=1, every=({}, {"udp": 53}, {"icmp": True}, *ODDITIES)):
        bytes_are_sound(asked.of(simulation), known)


@given(clusters())
@settings(max_examples=15)
def test_a_question_asked_twice_has_one_answer(data: dict[str, Any]) -> None:
    """Two simulations of one cluster answer every question alike: packets, steps and ledger."""
    one, other = dsflow.load(data), dsflow.load(data)
    for asked in questions(one, pairs=1, every=({}, {"udp": 53})):
        first, again, second = asked.of(one), asked.of(one), asked.of(other)
        for chain in (again, second):
            assert _told(first) == _told(chain)
            assert first.nat_ledger == chain.nat_ledger
            assert first.assumptions == chain.assumptions


def _told(chain: Chain) -> list[tuple[object, ...]]:
    """Everything about the hops but their times, which take longer to draw than all the rest."""
    return [
        (repr(trace), trace.cause, hop.in_interface, hop.packets_in, hop.packets_out, hop.out_interface, hop.steps)
        for trace in chain.traces
        for hop in trace.hops
    ]
