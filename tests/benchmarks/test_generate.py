"""The generator writes scenarios of any size that are valid, and the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

import dsflow
from benchmarks import generate


def text(nodes: int, pods: int) -> str:
    return "".join(generate.scenario_lines(nodes, pods))


def load(folder: Path, nodes: int, pods: int) -> dsflow.Simulation:
    path = folder / "cluster.yaml"
    path.write_text(text(nodes, pods))
    return dsflow.load(path)


def test_a_scenario_has_the_nodes_and_pods_asked_for(tmp_path: Path) -> None:
    topology = load(tmp_path, 12, 3).topology
    assert (len(topology.nodes), len(topology.pods)) == (12, 36)
    assert {pod.node for pod in topology.pods.values()} == set(topology.nodes)
    assert topology.findings == ()


def test_the_same_numbers_give_the_same_text() -> None:
    assert text(3, 2) == text(3, 2)


@pytest.mark.parametrize("family", [4, 6])
def test_every_path_type_is_delivered(tmp_path: Path, family: int) -> None:
    sim = load(tmp_path, 2, 2)
    one, same, other, _ = (pod.id for pod in sim.topology.pods.values())
    questions = [(one, same, 80), (one, other, 80), (one, "internet/web", 443)]
    questions.append(("internet/client", "service/team-000/web", 80))
    chains = [sim.trace(origin, target, family=family, tcp=port) for origin, target, port in questions]
    assert [chain.path_type for chain in chains] == ["same-node", "cross-node", "egress", "ingress"]
    assert [chain.round_trip for chain in chains] == ["delivered"] * 4


def test_many_pods_fill_several_subnets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two nodes' pods in a subnet, five nodes need three, in two IPv4 CIDRs of the VCN."""
    monkeypatch.setattr(generate, "PODS_PER_SUBNET", 8)
    topology = load(tmp_path, 5, 4).topology
    pods = [pod.subnet for pod in topology.pods.values()]
    assert [pods.count(f"pods-{number}") for number in range(3)] == [8, 8, 4]
    assert len(topology.vcns["big"].ipv4) == 3


@pytest.mark.parametrize(("nodes", "pods"), [(0, 1), (1, 0), (4001, 1), (1, 32_001), (4000, 16_001)])
def test_more_than_the_address_plan_holds_is_refused(nodes: int, pods: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        text(nodes, pods)


def test_the_command_writes_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--nodes=2", "--pods=1"]) == 0
    assert capsys.readouterr().out == text(2, 1)


def test_the_command_refuses_what_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        generate.main(["--nodes=0"])
    assert caught.value.code == 2
    assert "0 nodes" in capsys.readouterr().err
