"""The big-cluster benchmark at a small size: its process, its phases and its gates; nothing here is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

import dsflow
from benchmarks import large_cluster as benchmark


def test_the_measured_process_tells_its_phases_and_its_parent_sees_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    benchmark.write_scenario(path, nodes=3, pods=2)
    result = benchmark.measure(path)
    assert list(result.phases_s) == ["import", "read", "build", "trace"]
    assert (result.disposition, result.hops) == ("delivered", 5)
    assert result.peak_mib > 1
    assert result.wall_s >= sum(result.phases_s.values()) - 0.1


def test_with_services_the_question_goes_to_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    benchmark.write_scenario(path, nodes=12, pods=2, services=5)
    sim = dsflow.load(path)
    assert sim.topology.profile == "as-built"
    assert len(sim.topology.services) == 6  # and the one behind the load balancer
    assert benchmark.measure(path).disposition == "delivered"


def test_a_process_that_fails_ends_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        benchmark.measure(tmp_path / "absent.yaml")


RESULT = benchmark.Result(89.9, 2047.0, {"read": 1.5}, "delivered", 5)


@pytest.mark.parametrize(
    ("result", "code"), [(RESULT, 0), (RESULT._replace(wall_s=90.0), 1), (RESULT._replace(peak_mib=2048.0), 1)]
)
def test_the_exit_code_tells_of_a_missed_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], result: benchmark.Result, code: int
) -> None:
    monkeypatch.setattr(benchmark, "measure", lambda _: result)
    assert benchmark.main(["--nodes=2", "--pods=1"]) == code
    out = capsys.readouterr().out
    assert out.startswith("2 nodes with 1 pods each")
    assert ("a gate is missed" in out) == bool(code)
    assert benchmark.main(["--nodes=2", "--pods=1", "--services=2"]) == 0
    assert "2 Services" in capsys.readouterr().out
