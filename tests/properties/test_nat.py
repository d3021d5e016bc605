"""NAT exactly where IPv4 needs it, over generated clusters: never on IPv6, and never in vain on IPv4."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings

import dsflow
from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.nat import NatKind
from dsflow.trace.chain import Chain, PathType
from dsflow.trace.trace import Direction
from tests.clusters import PROTOCOLS, questions, seeded
from tests.properties import plants
from tests.properties.laws import ipv6_is_not_translated
from tests.properties.plants import Plant, planted, without_translation
from tests.strategies import clusters

SEEDS = range(200)
PATH_TYPES = {PathType.SAME_NODE, PathType.CROSS_NODE, PathType.INGRESS, PathType.EGRESS, PathType.VCN_INTERNAL}


def no_nat_on_ipv6(simulations: Iterable[Simulation]) -> Counter[PathType | None]:
    """The delivered IPv6 flows by path type, once it is sure that none of any kind was translated."""
    delivered: Counter[PathType | None] = Counter()
    for simulation in simulations:
        for asked in questions(simulation, families=(6,)):
            chain = asked.of(simulation)
            ipv6_is_not_translated(chain)
            delivered[chain.path_type] += chain.round_trip is Disposition.DELIVERED
    return delivered


def test_no_ipv6_packet_meets_nat_on_any_path() -> None:
    """In 200 clusters no IPv6 chain, delivered or not, has an applied row, and every path type delivers some."""
    delivered = no_nat_on_ipv6(map(seeded, SEEDS))
    assert {path for path, count in delivered.items() if count} >= PATH_TYPES, delivered


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (plants.ipv6_source_translation, "NatKind.SNAT"),
        (plants.ipv6_masquerade, "NatKind.MASQUERADE"),
        (plants.ipv6_destination_translation, "NatKind.SERVICE_DNAT"),
    ],
)
def test_a_planted_ipv6_translation_does_not_go_unseen(plant: Plant, kind: str) -> None:
    """The very same check fails when a device translates IPv6."""
    with pytest.raises(AssertionError, match=kind):
        no_nat_on_ipv6(planted(seeded(seed), plant) for seed in SEEDS)


@given(clusters())
@settings(max_examples=40)
def test_ipv6_of_any_cluster_meets_no_nat(data: dict[str, Any]) -> None:
    """What holds for the seeded clusters holds for those that hypothesis finds."""
    no_nat_on_ipv6([dsflow.load(data)])


def test_ipv4_is_translated_by_gateways_alone_and_only_for_the_internet() -> None:
    """Applied rows are one-to-one at Internet gateways or source translation at NAT gateways; inside are none."""
    kinds: Counter[tuple[NatKind, str]] = Counter()
    for seed in SEEDS:
        simulation = seeded(seed)
        for asked in questions(simulation, families=(4,)):
            chain = asked.of(simulation)
            kinds.update((row.kind, row.device.partition("/")[0]) for row in chain.nat_applied)
            if chain.path_type in (PathType.SAME_NODE, PathType.CROSS_NODE):
                assert chain.nat_applied == (), asked
    assert set(kinds) == {(NatKind.PUBLIC_IP_ONE_TO_ONE, "igw"), (NatKind.GATEWAY_SNAT, "natgw")}


def test_no_ipv4_translation_is_in_vain() -> None:
    """Without a translation that was applied, the flow ends otherwise or loses its answer."""
    told: Counter[str] = Counter()
    for seed in SEEDS:
        simulation = seeded(seed)
        for asked in questions(simulation, pairs=1, families=(4,), every=PROTOCOLS):
            chain = asked.of(simulation)
            if not _is_answered(chain):  # what is lost anyway cannot be lost for want of a translation
                continue
            for device in dict.fromkeys(row.device for row in chain.nat_applied):
                twin = without_translation(simulation.dataplane[device])
                assert twin is not None
                other = asked.of(simulation.with_dataplane(simulation.dataplane.replacing(twin)))
                assert _outcome(other) != _outcome(chain), (seed, asked, device)
                told[device.partition("/")[0]] += 1
    assert min(told["igw"], told["natgw"]) > 20, told


def _is_answered(chain: Chain) -> bool:
    """Whether there are answers or errors, and all come back to whom they are for."""
    back = [trace.disposition for trace in chain.traces if trace.direction is not Direction.FORWARD]
    return set(back) == {Disposition.DELIVERED}


def _outcome(chain: Chain) -> tuple[object, ...]:
    """How the flow ends, and whether each answer or error comes back to whom it is for."""
    return chain.disposition, chain.round_trip, [(trace.direction, trace.disposition) for trace in chain.traces]
