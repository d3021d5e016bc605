"""Every back end that could be chosen: uniform choices, probabilities that sum to one, and what each branch does."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction

import pytest

import dsflow
from dsflow.cli import main
from dsflow.engine.choosing import Chooser, Replay
from dsflow.errors import UsageError
from dsflow.net.build import first_packet
from dsflow.query.branches import branches_blocks
from dsflow.query.table import plain

NAME = "oke-sydney-as-built"
SERVICE = "service/default/nginx"
ASKER = "pod/kube-system/coredns-bfd957d6b-ddr79"
PACKET = first_packet(4, "tcp", 1, 2, dport=80)


def test_replay_goes_through_every_combination_once() -> None:
    """Also where the number of ways depends on the way before."""
    seen = []
    laid_down: tuple[int, ...] | None = ()
    while laid_down is not None:
        replay = Replay(laid_down)
        first = replay.choose(2, PACKET, 0)
        seen.append((first, replay.choose(3 if first else 1, PACKET, 0)))
        laid_down = replay.following()
    assert seen == [(0, 0), (1, 0), (1, 1), (1, 2)]


def test_a_hash_chooses_uniformly_over_flows() -> None:
    flows = [first_packet(4, "tcp", 1, 2, sport=port, dport=80) for port in range(1000, 4000)]
    counts = Counter(Chooser().choose(5, flow, 0) for flow in flows)
    assert sum((counts[way] - 600) ** 2 / 600 for way in range(5)) < 18.5  # chi square, 4 degrees, 0.1 %


@pytest.mark.parametrize("family", [4, 6])
def test_branches_are_the_nodes_times_the_end_points(family: int) -> None:
    found = dsflow.load(NAME).branches("internet/client", SERVICE, family=family)
    assert sum(branch.probability for branch in found) == 1
    assert {branch.probability for branch in found} == {Fraction(1, 9)}
    ends = Counter(branch.chain.forward.hops[-1].device for branch in found)
    assert set(ends.values()) == {3}
    assert all(branch.chain.round_trip == "delivered" for branch in found)


def test_what_is_traced_is_one_of_the_branches() -> None:
    simulation = dsflow.load(NAME)
    paths = [[hop.device for hop in one.chain.traces[0].hops] for one in simulation.branches(ASKER, SERVICE, family=6)]
    for sport in range(20000, 20020):
        chain = simulation.trace(ASKER, SERVICE, family=6, sport=sport)
        assert [hop.device for hop in chain.traces[0].hops] in paths


def test_a_question_without_choices_has_one_branch() -> None:
    (only,) = dsflow.load("two-pods").branches("pod/default/client", "pod/default/server", family=6, tcp=80)
    assert only.probability == 1
    assert "1 branch: there was nothing to choose.\n\nassumptions: " in plain(branches_blocks([only]))


def test_policies_show_in_the_branches() -> None:
    """Under Local only the nodes with end points are dialled: two of one, one of the other."""
    local = dsflow.load(NAME).what_if({"services.default/nginx.external_traffic_policy": "Local"})
    found = local.branches("internet/client", SERVICE, family=4)
    assert sorted(branch.probability for branch in found) == [Fraction(1, 4), Fraction(1, 4), Fraction(1, 2)]


def test_too_many_branches_are_refused() -> None:
    with pytest.raises(UsageError, match="more than 2 branches"):
        dsflow.load(NAME).branches(ASKER, SERVICE, family=4, most=2)


def test_the_command_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", NAME, ASKER, SERVICE, "--family", "4", "--branches"]) == 0
    told = capsys.readouterr().out
    assert told.count("1/3 (33.3%)") == 3
    assert main(["trace", NAME, ASKER, SERVICE, "--branches", "-o", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [family["family"] for family in data["families"]] == ["ipv4", "ipv6"]
    assert all(len(family["branches"]) == 3 for family in data["families"])
    assert main(["trace", NAME, ASKER, SERVICE, "--branches", "-o", "mermaid"]) == 2
    assert main(["trace", NAME, ASKER, SERVICE, "--branches", "--all-blockers"]) == 2
